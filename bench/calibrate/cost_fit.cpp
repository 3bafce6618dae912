#include "bench/calibrate/cost_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>

namespace tokenlift {

namespace {

constexpr std::size_t kTerms = 3;
using Terms = std::array<double, kTerms>;

/// What a law's terms are at one sample, and what was measured there.
struct Row {
  Terms terms;
  double cost_ps;
};

double law(const Terms& coefficients, const Row& row) {
  double sum = 0;
  for (std::size_t i = 0; i < kTerms; ++i) sum += coefficients[i] * row.terms[i];
  return sum;
}

/// The normal equations of least squares on law / cost - 1, each term scaled to unit length, so
/// that a coefficient of 1 ms and one of 1 ps weigh alike in the arithmetic.
struct NormalEquations {
  std::array<Terms, kTerms> matrix{};
  Terms right{};
  Terms scale{};

  explicit NormalEquations(const std::vector<Row>& rows) {
    for (const Row& row : rows) {
      for (std::size_t i = 0; i < kTerms; ++i) {
        scale[i] += std::pow(row.terms[i] / row.cost_ps, 2);
      }
    }
    for (double& length : scale) length = std::sqrt(length);
    for (const Row& row : rows) {
      Terms weighted{};
      for (std::size_t i = 0; i < kTerms; ++i) {
        weighted[i] = scale[i] > 0 ? row.terms[i] / row.cost_ps / scale[i] : 0;
      }
      for (std::size_t i = 0; i < kTerms; ++i) {
        right[i] += weighted[i];
        for (std::size_t j = 0; j < kTerms; ++j) matrix[i][j] += weighted[i] * weighted[j];
      }
    }
  }
};

/// Solves for the terms in `active` (bit i: term i), the others being zero, by Gaussian
/// elimination. Nothing where they are (almost) dependent: with unit vectors, a pivot is the
/// squared sine of the angle to those before, and under 1e-9 rounding is all there is.
std::optional<Terms> solve(const NormalEquations& equations, unsigned active) {
  std::array<Terms, kTerms> a = equations.matrix;
  Terms b = equations.right;
  std::array<std::size_t, kTerms> index{};
  std::size_t count = 0;
  for (std::size_t i = 0; i < kTerms; ++i) {
    if ((active >> i & 1U) != 0) index[count++] = i;
  }
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t pivot = index[k];
    if (a[pivot][pivot] < 1e-9) return std::nullopt;
    for (std::size_t m = k + 1; m < count; ++m) {
      const std::size_t below = index[m];
      const double factor = a[below][pivot] / a[pivot][pivot];
      for (std::size_t j = 0; j < kTerms; ++j) a[below][j] -= factor * a[pivot][j];
      b[below] -= factor * b[pivot];
    }
  }
  Terms solution{};
  for (std::size_t k = count; k-- > 0;) {
    const std::size_t i = index[k];
    double rest = b[i];
    for (std::size_t m = k + 1; m < count; ++m) rest -= a[i][index[m]] * solution[index[m]];
    solution[i] = rest / a[i][i];
  }
  for (std::size_t i = 0; i < kTerms; ++i) {
    if (equations.scale[i] > 0) solution[i] /= equations.scale[i];
  }
  return solution;
}

double squared_errors(const Terms& coefficients, const std::vector<Row>& rows) {
  double sum = 0;
  for (const Row& row : rows) sum += std::pow(law(coefficients, row) / row.cost_ps - 1, 2);
  return sum;
}

/// Least squares with coefficients >= 0. The minimum has some set of coefficients above zero and is
/// then the plain least squares solution over that set; three terms have seven sets, so all are
/// tried.
Terms fit(const std::vector<Row>& rows, const char* what) {
  const bool positive =
      std::all_of(rows.begin(), rows.end(), [](const Row& row) { return row.cost_ps > 0; });
  const NormalEquations equations(rows);
  constexpr unsigned kAll = (1U << kTerms) - 1;
  if (!positive || rows.size() < kTerms || !solve(equations, kAll)) {
    throw std::invalid_argument(fmt::format("these samples determine no cost of a {}", what));
  }
  Terms best{};
  double best_error = std::numeric_limits<double>::infinity();
  for (unsigned active = 1; active <= kAll; ++active) {
    const std::optional<Terms> solution = solve(equations, active);
    if (!solution || *std::min_element(solution->begin(), solution->end()) < 0) continue;
    const double error = squared_errors(*solution, rows);
    if (error < best_error) {
      best = *solution;
      best_error = error;
    }
  }
  for (double& coefficient : best) coefficient = std::round(coefficient);
  return best;
}

FitQuality quality(const Terms& coefficients, const std::vector<Row>& rows) {
  FitQuality quality;
  double weights = 0;
  double mean = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double error = law(coefficients, rows[i]) / rows[i].cost_ps - 1;
    quality.mean_error += std::abs(error) / static_cast<double>(rows.size());
    if (std::abs(error) > std::abs(quality.worst_error)) {
      quality.worst_error = error;
      quality.worst_sample = i;
    }
    const double weight = 1 / (rows[i].cost_ps * rows[i].cost_ps);
    weights += weight;
    mean += weight * rows[i].cost_ps;
  }
  mean /= weights;
  double variance = 0;
  for (const Row& row : rows) variance += std::pow((row.cost_ps - mean) / row.cost_ps, 2);
  if (variance > 0) quality.r_squared = 1 - squared_errors(coefficients, rows) / variance;
  return quality;
}

template <typename Sample, typename Law>
double mean_difference(const std::vector<Repeat<Sample>>& repeats, Law&& law_ps) {
  const auto relative = [&](const Sample& sample) {
    return static_cast<double>(sample.cost_ps) / std::max(1.0, static_cast<double>(law_ps(sample)));
  };
  double sum = 0;
  for (const Repeat<Sample>& repeat : repeats) {
    sum += std::abs(relative(repeat.again) / relative(repeat.first) - 1);
  }
  return repeats.empty() ? 0 : sum / static_cast<double>(repeats.size());
}

std::int64_t whole(double ps) {
  return static_cast<std::int64_t>(ps);
}

}  // namespace

CostFit fit_cost_model(const std::vector<DecodeSample>& decode,
                       const std::vector<PrefillSample>& prefill) {
  std::vector<Row> steps;
  for (const DecodeSample& sample : decode) {
    steps.push_back(
        {{1, static_cast<double>(sample.sequences), static_cast<double>(sample.kv_tokens)},
         static_cast<double>(sample.cost_ps)});
  }
  std::vector<Row> chunks;
  for (const PrefillSample& sample : prefill) {
    const auto tokens = static_cast<double>(sample.end - sample.begin);
    chunks.push_back({{1, tokens, tokens * static_cast<double>(sample.end + sample.begin)},
                      static_cast<double>(sample.cost_ps)});
  }
  const Terms step = fit(steps, "decode step");
  const Terms chunk = fit(chunks, "prefill chunk");
  CostFit result;
  result.cost = {whole(step[0]),  whole(step[1]),  whole(step[2]),
                 whole(chunk[0]), whole(chunk[1]), whole(chunk[2])};
  result.decode = quality(step, steps);
  result.prefill = quality(chunk, chunks);
  return result;
}

double repeat_difference(const CostModel& cost, const std::vector<Repeat<DecodeSample>>& repeats) {
  return mean_difference(repeats, [&cost](const DecodeSample& sample) {
    return cost.decode_ps(sample.sequences, sample.kv_tokens);
  });
}

double repeat_difference(const CostModel& cost, const std::vector<Repeat<PrefillSample>>& repeats) {
  return mean_difference(repeats, [&cost](const PrefillSample& sample) {
    return cost.chunk_ps(sample.begin, sample.end);
  });
}

std::optional<FitMistake> fit_mistake(const CostFit& fit, const Repeats& repeats) {
  FitMistake mistake;
  const auto judge = [&](const char* law, const FitQuality& quality, double difference) {
    const double limit = quality.r_squared >= kLeastRSquared ? kWorstMeanError : kGoodMeanError;
    if (quality.mean_error <= limit) return;
    mistake.machine_changed |= difference >= kExplainedByRepeats * quality.mean_error;
    mistake.text += fmt::format(
        "{}the {} law is {:.1f} % off on average (limit {:.0f} %, or {:.0f} % where R^2 is at "
        "least {}), R^2 {:.3f}, and what was measured twice differs by {:.1f} %",
        mistake.text.empty() ? "" : "; ", law, 100 * quality.mean_error, 100 * kGoodMeanError,
        100 * kWorstMeanError, kLeastRSquared, quality.r_squared, 100 * difference);
  };
  judge("decode", fit.decode, repeat_difference(fit.cost, repeats.decode));
  judge("prefill", fit.prefill, repeat_difference(fit.cost, repeats.prefill));
  if (mistake.text.empty()) return std::nullopt;
  mistake.text.insert(0, mistake.machine_changed ? "the machine changed while measuring: "
                                                 : "the cost law does not fit: ");
  return mistake;
}

}  // namespace tokenlift
