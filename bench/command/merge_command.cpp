#include "bench/command/merge_command.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "bench/command/input.hpp"
#include "bench/command/record_files.hpp"
#include "bench/command/run_command.hpp"
#include "bench/command/trial_reader.hpp"
#include "bench/machine/host.hpp"
#include "bench/machine/output_folder.hpp"
#include "bench/machine/workers.hpp"
#include "reports/findings/report.hpp"
#include "reports/findings/verdict.hpp"
#include "reports/formats/page_html.hpp"
#include "reports/formats/page_text.hpp"
#include "reports/json/json_run.hpp"
#include "reports/page/report_page.hpp"
#include "reports/record/count_checks.hpp"
#include "reports/record/join.hpp"
#include "reports/text/visible.hpp"

namespace tokenlift {

namespace {

namespace fs = std::filesystem;

constexpr const char* kJoinedRecords = "records.csv";

struct MergeOptions {
  std::vector<std::string> shares;   ///< files and folders
  std::vector<std::string> records;  ///< of all ranks; empty: none
  std::string out;                   ///< folder; empty: a new one
  bool quiet = false;
};

std::vector<fs::path> files_of(const std::vector<std::string>& words) {
  std::vector<fs::path> files;
  std::set<fs::path> known;
  for (const std::string& word : words) {
    for (const fs::path& file : runs_at(word)) {
      std::error_code error;
      const fs::path full = fs::canonical(file, error);
      if (!error && !known.insert(full).second) {
        throw UsageError(fmt::format("'{}' is given twice", file.string()));
      }
      files.push_back(file);
    }
  }
  return files;
}

/// Takes the shares one by one, so that only what they are together takes memory.
class Joining {
 public:
  void add(const fs::path& file, Run share) {
    if (!share.shares) {
      throw UsageError(
          fmt::format("'{}' is no share: one process played all of it ('run --rank' plays shares)",
                      file.string()));
    }
    const std::vector<RankRecord> ranks = share.shares->ranks;
    if (!run_) {
      run_ = std::move(share);
    } else {
      try {
        join(*run_, share);
      } catch (const RunMismatch& error) {
        throw UsageError(mismatch(file, share, error.what()));
      }
    }
    for (const RankRecord& rank : ranks) files_.emplace_back(rank.rank, file);
  }

  Run take() {
    const std::string missing = missing_ranks(*run_->shares);
    if (!missing.empty()) {
      throw UsageError(fmt::format("of {} ranks the shares of these are missing: {}",
                                   run_->shares->of, missing));
    }
    if (run_->shares->of == 1) judge_all_shares(*run_);
    return std::move(*run_);
  }

 private:
  std::string mismatch(const fs::path& file, const Run& share, const std::string& why) const {
    const auto says = [&](const fs::path& other, const std::string& reason) {
      return fmt::format("'{}' and '{}' are no shares of one run: {}", other.string(),
                         file.string(), reason);
    };
    const std::string place = scenario_difference(*run_, share);
    if (!place.empty()) {
      return says(files_.front().second, "their scenarios differ at " + place);
    }
    // Where both have a rank, that is why, unless they are not of as many ranks.
    const auto same = std::ranges::find_if(files_, [&](const auto& before) {
      return std::ranges::count(share.shares->ranks, before.first, &RankRecord::rank) > 0;
    });
    const bool of_as_many = share.shares->of == run_->shares->of;
    if (same != files_.end() && of_as_many) {
      if (share.shares->ranks.size() > 1) return is_joined(file);
      const auto of_same = [&](const auto& before) { return before.second == same->second; };
      if (std::ranges::count_if(files_, of_same) > 1) return is_joined(same->second);
    }
    return says(same != files_.end() && of_as_many ? same->second : files_.front().second, why);
  }

  std::string is_joined(const fs::path& file) const {
    return fmt::format(
        "'{}' is joined already, of the shares of {} ranks: leave it out, or give it alone",
        file.string(), run_->shares->of);
  }

  std::optional<Run> run_;
  std::vector<std::pair<std::int64_t, fs::path>> files_;  // by rank
};

/// Some are read at a time, side by side, and joined in their order.
Run read_and_join(const std::vector<fs::path>& files) {
  constexpr std::size_t kForEachCore = 4;
  Workers workers(core_count());
  const std::size_t most = kForEachCore * workers.count();
  Joining joining;
  for (std::size_t begin = 0; begin < files.size(); begin += most) {
    const std::size_t count = std::min(most, files.size() - begin);
    std::vector<Run> runs(count);
    std::vector<std::exception_ptr> errors(count);
    workers.run(count, [&](std::size_t i) {
      const fs::path& file = files[begin + i];
      try {
        runs[i] = read_run(read_file(file), file.string());
      } catch (...) {
        errors[i] = std::current_exception();
      }
    });
    for (std::size_t i = 0; i < count; ++i) {
      if (errors[i]) std::rethrow_exception(errors[i]);
      joining.add(files[begin + i], std::move(runs[i]));
    }
  }
  return joining.take();
}

/// Neither a share nor a log is written over.
void require_new(const MergeOptions& options, const std::vector<fs::path>& files,
                 const fs::path& folder) {
  const auto refuse = [&](const fs::path& input, const char* name) {
    std::error_code error;
    if (!fs::equivalent(input, folder / name, error)) return;
    throw UsageError(
        fmt::format("--out '{}': '{}' is one of the files to be merged, and would be "
                    "written over: give another folder",
                    folder.string(), input.string()));
  };
  for (const fs::path& file : files) refuse(file, "run.json");
  for (const std::string& file : options.records) refuse(file, kJoinedRecords);
}

std::string in_ms(std::int64_t ns) {
  return fmt::format("{:.3g} ms", static_cast<double>(ns) * 1e-6);
}

/// How the ranks began, and which was the latest with its requests.
void tell_ranks(const Surroundings& surroundings, bool quiet, const SharesRecord& shares) {
  const auto starts = std::ranges::minmax(shares.ranks, {}, &RankRecord::start_unix_ns);
  const auto spread_ns =
      static_cast<std::int64_t>(starts.max.start_unix_ns - starts.min.start_unix_ns);
  const std::optional<std::int64_t> apart_ns = clocks_apart_ns(shares);
  say(surroundings, quiet, "{} ranks began {} apart by their clocks; {}", shares.of,
      in_ms(spread_ns),
      apart_ns ? fmt::format("they were at most {} apart", in_ms(*apart_ns))
               : "how far those are apart is not known: not all are kept in time (NTP)");
  const auto latest = std::ranges::max_element(
      shares.ranks, {}, [](const RankRecord& rank) { return rank.lag_p99_ns.value_or(-1); });
  if (!latest->lag_p99_ns) return;
  say(surroundings, quiet, "rank {} was the latest with its requests: lag p99 {}", latest->rank,
      in_ms(*latest->lag_p99_ns));
}

/// They come first: where they are not those of the run, all is as it was.
void join_records(const MergeOptions& options, const OutputFolder& folder, const Run& run) {
  try {
    folder.write(kJoinedRecords, joined_records(options.records, run));
  } catch (const std::runtime_error&) {
    folder.give_up();
    throw;
  }
}

int merge_shares(const Surroundings& surroundings, const MergeOptions& options) {
  const std::vector<fs::path> files = files_of(options.shares);
  const Run run = read_and_join(files);
  if (!options.records.empty() && std::ssize(options.records) != run.shares->of) {
    throw UsageError(fmt::format("--records: {} files, and there are {} ranks",
                                 options.records.size(), run.shares->of));
  }
  const fs::path out = options.out.empty() ? default_folder(run.scenario_name) : options.out;
  require_new(options, files, out);
  require_no_other_runs({}, out);
  const OutputFolder folder = claim_folder(options.out, run.scenario_name);
  const std::string text = to_json(run);
  if (!options.records.empty()) join_records(options, folder, run);
  const fs::path file = folder.write("run.json", text);
  tell_ranks(surroundings, options.quiet, *run.shares);
  const Report report = make_report({make_trial(run.scenario_name, {run})});
  print_result(surroundings, fmt::format("{}\nresults: {}\n",
                                         to_text(report_page(report), style_of(surroundings)),
                                         visible(file.string())));
  const fs::path page = folder.write(kPage, to_html(report_page(report)));
  print_result(surroundings, fmt::format("report:  {}\n", visible(page.string())));
  if (!options.records.empty()) {
    print_result(surroundings,
                 fmt::format("records: {}\n", visible((folder.path() / kJoinedRecords).string())));
  }
  return is_valid(report.trials.front().trial) ? kDone : kNotValid;
}

}  // namespace

Command merge_command() {
  const auto options = std::make_shared<MergeOptions>();
  Command command{"merge", "join what the ranks of one run wrote ('run --rank')"};
  command.options = {{"RUN", texts(options->shares, "TEXT"),
                      "run.json of each rank, in any order; of a folder every one in it and below"},
                     {"--records", texts(options->records, "FILE"),
                      "the file of --records of each rank, an option each: they become one"},
                     {"--out", name(options->out, "FOLDER"),
                      "folder for run.json and report.html, and records.csv (default: "
                      "tokenlift-results/NAME-TIME)"},
                     {"--quiet", flag(options->quiet), "says nothing of how the ranks began"}};
  command.footer =
      "Examples:\n"
      "  tokenlift merge rank-0/ rank-1/ rank-2/ --out joined/\n"
      "  tokenlift merge ranks/ --out joined/ --records rank-0.csv --records rank-1.csv\n\n" +
      std::string(kExitCodes);
  command.run = [options](const Surroundings& surroundings) {
    return merge_shares(surroundings, *options);
  };
  return command;
}

}  // namespace tokenlift
