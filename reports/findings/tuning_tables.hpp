#pragma once
// What a search for better settings has found, in sentences and tables, whatever they are shown on.
// (tuning_candidates.cpp: the tables of settings that were tried.)

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "reports/findings/tuning_report.hpp"
#include "reports/text/table.hpp"

namespace tokenlift {

/// What stands beside the scenario's name: what was searched, the version, when it began.
std::vector<std::string> facts_of(const TuningReport& report);

/// What was to be achieved, in which phase, and what it took; a sentence each.
std::vector<std::string> task_sentences(const TuningReport& report);

/// A row per parameter: range, present and recommended value, what is tolerated around it, how
/// much depends on it. Why the range is what it is stands in the notes.
Table parameters_table(const TuningReport& report);

/// Present against recommended, a row per figure.
Table changes_table(const TuningReport& report);

/// What the present setting and the one that was found (or misses least) have of each constraint.
Table constraints_table(const TuningReport& report);

/// The best few, judged by the most runs; and what became of them when things were otherwise.
Table finalists_table(const TuningReport& report);
Table stress_table(const TuningReport& report);

/// Some candidates, a row each; their parameters may be left out for want of room.
Table candidates_table(const TuningReport& report, std::span<const std::size_t> candidates);

/// The Pareto set, most goodput first; and all, the feasible by their objective, then the others by
/// what they miss.
std::vector<std::size_t> pareto_candidates(const TuningReport& report);
std::vector<std::size_t> ranked_candidates(const TuningReport& report);

/// Predicted against measured, a row per setting that ran on engine threads.
Table verification_table(const TuningReport& report);

/// A row per stage of the search.
Table stages_table(const TuningReport& report);

/// What stands over TuningReport::toml.
std::string paste_title(const TuningReport& report);

/// Of a search that found nothing feasible: what was tried that the scenario does not have, and
/// what came of it, a sentence each. May be empty.
std::vector<std::string> remedy_sentences(const TuningReport& report);

}  // namespace tokenlift
