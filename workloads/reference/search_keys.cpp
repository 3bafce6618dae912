// [profile.NAME], [tune] and [sweep].

#include "workloads/reference/key_rows.hpp"

namespace tokenlift::rows {

namespace {

constexpr Bounds kDatasheet = {1e-6, 1e9};
constexpr Bounds kWatts = {0, 1e5};

LanguageKey cost(Text name, Text help) {
  return required(form(name, Form::cost, "", help));
}
LanguageKey source() {
  return text("source", "none", "where that is from");
}

Tables of_accelerator() {
  return {{"profile.accelerator",
           "accelerator",
           "Of a datasheet.",
           Shown::in_prose,
           "",
           {required(text("name", "", "what it is called")),
            whole("count", {1, kMostCount}, "1", "of a replica"),
            required(number("bandwidth_tb_per_s", kDatasheet, "", "of the memory of one")),
            required(number("tflop_per_s", kDatasheet, "", "of one, dense")),
            required(number("memory_gb", kDatasheet, "", "of one")),
            number("power_w", {0, 1e9}, "unknown", "of its board"),
            table("power", "profile.accelerator.power", "unknown", "what one draws")}},
          {"profile.accelerator.power",
           "power",
           "In watts.",
           Shown::in_prose,
           "",
           {required(number("idle_w", kWatts, "", "while its replica is in no step")),
            required(number("prompt_w", kWatts, "", "in a step with a chunk of a prompt")),
            number("decode_w", kWatts, "", "in others; or `decode`"),
            table("decode", "profile.accelerator.power.decode", "", "in others, by the batch"),
            source(), flag("assumed", "false", "nobody has measured it")}},
          {"profile.accelerator.power.decode",
           "decode",
           "",
           Shown::in_prose,
           "",
           {required(number("low_w", kWatts, "", "of small batches")),
            required(number("high_w", kWatts, "", "of large ones")),
            required(number("middle_log2", {-64, 64}, "", "log2 of the batch midway"))}}};
}

}  // namespace

Tables of_profiles() {
  Tables tables = {
      {"profiles",
       "[profile]",
       "",
       Shown::in_prose,
       "",
       {table("*", "profile", "", "a profile by its name")}},
      {"profile",
       "[profile.NAME]",
       "What one replica is.",
       Shown::in_prose,
       "",
       {text("description", "none", "a line"), source(),
        number("fit_error", {0, 1}, "unknown", "of the costs, a ratio"),
        whole("max_batch", {1, kMostCount}, "unknown", "sequences up to which the costs hold"),
        table("decode", "profile.decode", "", "what a step costs, by sequences and KV tokens"),
        table("prefill", "profile.prefill", "", "what prompts cost, by tokens"),
        word<Pricing>("pricing", "`separate`", "whether a step is one pass"),
        table("overhead", "profile.overhead", "none", "what the software adds to a step"),
        table("model", "profile.model", "none", "its size"),
        table("accelerator", "profile.accelerator", "none", "what it runs on")}},
      {"profile.decode",
       "decode",
       "",
       Shown::in_prose,
       "",
       {cost("a", "per step"), cost("b", "per sequence"), cost("c", "per KV token")}},
      {"profile.prefill",
       "prefill",
       "",
       Shown::in_prose,
       "",
       {cost("p0", "per step, or chunk"), cost("p1", "per token"),
        cost("p2", "per token squared")}},
      {"profile.overhead",
       "overhead",
       "",
       Shown::in_prose,
       "",
       {cost("per_step", "on the host"),
        required(whole("software_year", {2000, 2100}, "", "newer software adds less")), source()}},
      {"profile.model",
       "model",
       "",
       Shown::in_prose,
       "",
       {required(number("parameters", {1, 1e15}, "", "how many")),
        number("bytes_per_parameter", {0.01, 64}, "2", "of the weights"),
        required(number("kv_bytes_per_token", {1, 1e9}, "", "keys and values of all layers"))}}};
  const Tables accelerator = of_accelerator();
  tables.insert(tables.end(), accelerator.begin(), accelerator.end());
  return tables;
}

Tables of_searches() {
  constexpr Form kEnd = Form::number | Form::duration | Form::rate;
  const auto end = [](Text name) {
    LanguageKey key = form(name, kEnd, "", "a number, a duration or a rate; both in one form");
    key.bounds = {-kLargestLimit, kLargestLimit};
    return key;
  };
  return {
      {"tune",
       "[tune]",
       "",
       Shown::as_rows,
       "",
       {flag("lift", "false",
             "search how the event that divides the run happens, not the throttle before it"),
        text("objective", "`maximize goodput_tokens_per_s`; for a lift `minimize lift.length_s`",
             "`\"maximize FIGURE\"` or `\"minimize FIGURE\"`; goodput, throughput and attainment "
             "are maximized where neither word is given"),
        texts("constraints",
              "none; for a lift with the default objective: the `ttft.p99_ms` of each tenant "
              "within its TTFT objective",
              "`\"FIGURE RELATION NUMBER\"`, one or an array, as the objectives of a suite"),
        whole("budget", {1, kMostSize},
              "that of 2,000 runs; 60 M where that is less, but of 150 runs at least",
              "simulated requests, of all runs together"),
        table("parameters", "tune.parameters", "those below",
              "what may be changed, an array of tables, 16 at most", Form::tables)}},
      {"tune.parameters",
       "[[tune.parameters]]",
       "",
       Shown::as_rows,
       "parameter: ",
       {required(text("key", "", "as for `--set`: `\"throttle.NAME.rate\"`")), end("min"),
        end("max"),
        word<ParameterScale>(
            "scale",
            "`log` where both ends are above 0 and `max` is 4 times `min` or more, else `linear`; "
            "`log_integer` and `integer` where both are written as whole numbers, and the key ends "
            "in `limit` or they are 50 apart",
            "`linear`, `log`, `integer`, `log_integer`"),
        form("choices", Form::values, "",
             "instead of a range: 2 to 64 strings, numbers, booleans or inline tables")}},
      {"sweep",
       "[sweep]",
       "",
       Shown::as_rows,
       "",
       {texts("over", "none",
              "the key that changes and its values, as for `--over`: `\"KEY=FROM:TO:N\"`, "
              "`\"KEY=FROM:TO:N:log\"` or `\"KEY=8,16,32\"`; of several, an array, 4 at most: the "
              "first two span a grid, each combination of the others is a panel"),
        texts("find", "none",
              "what is searched: `\"most KEY=LOW:HIGH\"` or `\"least KEY=LOW:HIGH\"`, also with "
              "`:log`; one or an array"),
        texts("while", "none",
              "what is to hold there, as the objectives of a suite: `\"attainment >= 0.99\"`, one "
              "or an array; along `over` points are added where it is crossed"),
        texts("figures", "none", "figures that are shown besides, one or an array"),
        whole("repetitions", {1, static_cast<double>(kMostRepetitions)}, "5", "of each point"),
        whole("requests", {1, kMostSize}, "half as many points as `over` asks for",
              "points are added where the curve bends until so many requests have been run"),
        duration("for", "", "no point begins later than so long after the first one")}}};
}

}  // namespace tokenlift::rows
