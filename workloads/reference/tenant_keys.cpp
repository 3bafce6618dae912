// [[tenant]]: who asks what, when, and what they do when they are refused.

#include "workloads/reader/arrivals_reader.hpp"
#include "workloads/reference/key_rows.hpp"

namespace tokenlift::rows {

namespace {

constexpr Bounds kFactor = {0, 1e6};

LanguageTable of_tenant() {
  return {
      "tenant",
      "[[tenant]]",
      "",
      Shown::as_rows,
      "",
      {required(form("name", Form::name, "", "what throttles and reports call it")),
       required(table("arrivals", "tenant.arrivals", "", "below")),
       table("prompt_tokens", "lengths", "", "lengths, below; a trace brings its own"),
       table("output_tokens", "lengths", "", "lengths, below; a trace brings its own"),
       whole("max_tokens", {1, kMostTokens}, "the largest output", "what a request reserves"),
       texts("sites", "all", "`[\"own\", \"leased\"]`: whose replicas may serve its requests"),
       whole("users", {1, static_cast<double>(kMostUsers)}, "1",
             "each request (or session) comes from one of them; with `closed` all of them ask. At "
             "most 10,000,000 in all"),
       table("sessions", "tenant.sessions", "none",
             "`{ turns = LENGTHS, think = WAIT, max_context = 8192 }`: conversations. A turn's "
             "prompt is the conversation so far plus its own `prompt_tokens`; the next turn is due "
             "a think time after the answer; a turn longer than `max_context` is not asked. Not "
             "with a trace. Open-loop ones all begin in the run: `check` warns of a warm-up that "
             "is shorter than conversations are long"),
       whole("priority", {-1e6, 1e6}, "0", "for `queue.order`: larger first"),
       number("weight", {1e-6, 1e6}, "1", "for `queue.order`: share in proportion"),
       table("slo", "tenant.slo", "none",
             "objectives: `{ ttft, tpot, itl, e2e }`, durations; a request meets them if it meets "
             "all. `itl` is of the 99th percentile of the request's own gaps between tokens, by "
             "nearest rank: of n gaps at most ⌊n/100⌋ may be longer (none of fewer than 100). Gaps "
             "count by their whole ns"),
       duration("deadline", "none", "from due: a request that ends later counts as expired"),
       wait("patience", "none",
            "a wait, from due: the user of a request that is not admitted by then leaves"),
       table("retry", "tenant.retry", "`{ policy = \"none\" }`", "after a rejection, below"),
       text("prompts", "`\"text\"`",
            "`text`: words, as many as the drawn tokens take; `token_ids`: exactly so many "
            "(`openai_completions` only); or the path of a file of JSON lines, each `{\"prompt\": "
            "\"...\"}` or a string"),
       whole("system_prompt_tokens", {0, kMostTokens}, "0",
             "of each prompt so many are the same for all requests of the tenant; they count among "
             "`prompt_tokens`"),
       text("key_env", "that of the site", "the tenant's own key, by its environment variable"),
       text("key_file", "that of the site", "or by its file"),
       table("headers", "headers", "none", "of two with one name the tenant's is sent")}};
}

Tables of_arrivals() {
  return {{"tenant.arrivals",
           "arrivals",
           "",
           Shown::in_prose,
           "",
           {required(word<Process>("process", "", "how requests arrive")),
            form("rate", Form::rate, "", "requests (or sessions); or `load`"),
            number("load", {kLoadMin, kLoadMax}, "", "a share of the capacity; or `rate`"),
            number("cv", {1e-3, kCvMax}, "",
                   "of `gamma`: the standard deviation of the gaps / their mean"),
            wait("think", "", "of `closed`: between answer and question"),
            table("shape", "tenant.arrivals.shape", "none", "multiplies the rate over time"),
            text("file", "", "of `trace`: a relative name is looked for beside the scenario"),
            number("speed", {1e-6, 1e6}, "1", "of `trace`: 2: twice as fast, delays of turns too"),
            number("sample", {1e-9, 1}, "1", "of `trace`: the share of requests that is kept"),
            {.name = "max",
             .forms = Form::whole | Form::table,
             .by_default = "none",
             .help = "of `trace`: tokens; longer requests are capped",
             .bounds = {1, kMostTokens},
             .table = "tenant.arrivals.max"},
            duration("start", "`\"0s\"`",
                     "of `trace`: the run begins so long after the file's first request"),
            duration("resample", "none",
                     "of `trace`: blocks of that length are drawn with replacement"),
            flag("sort", "false", "of `trace`: the file is not in order of time"),
            whole("block_tokens", {16, kMostTokens}, "512",
                  "of `trace`: prompt tokens that each of `hash_ids` stands for, a multiple of 16"),
            table("columns", "tenant.arrivals.columns", "none",
                  "of `trace`: which column of a CSV file says what")}},
          {"tenant.arrivals.max",
           "max",
           "",
           Shown::in_prose,
           "",
           {whole("prompt", {1, kMostTokens}, "none", "tokens of a prompt"),
            whole("output", {1, kMostTokens}, "none", "tokens of an output")}},
          {"tenant.arrivals.columns",
           "columns",
           "",
           Shown::in_prose,
           "",
           {required(text("time", "", "the column with the instant")),
            required(text("prompt", "", "with the prompt tokens")),
            required(text("output", "", "with the output tokens"))}},
          {"tenant.arrivals.shape",
           "shape",
           "",
           Shown::in_prose,
           "",
           {required(word<ShapeKind>("kind", "", "what it is like")),
            number("from", kFactor, "1", "of `ramp`: the factor before it"),
            number("to", kFactor, "", "of `ramp`: the factor after it"),
            number("trough", kFactor, "", "of `diurnal`: the least factor"),
            number("peak", kFactor, "", "of `diurnal`: the largest factor"),
            number("low", kFactor, "1", "of `burst` and `mmpp`: the factor between bursts"),
            number("high", kFactor, "", "of `burst` and `mmpp`: the factor in them"),
            duration("begin", "`\"0s\"`", "of `ramp` and `burst`: when it begins first"),
            duration("peak_at", "`\"0s\"`", "of `diurnal`: when the peak is"),
            duration("length", "", "of `ramp`, `burst` and `mmpp`: how long it takes"),
            duration("every", "", "of `burst`: from one to the next"),
            duration("calm", "", "of `mmpp`: the mean time between bursts"),
            duration("period", "`\"24h\"`", "of `diurnal`"),
            form("steps", Form::steps, "",
                 "of `steps`: `[[\"10s\", 2.0], [\"20s\", 1.0]]`: factors from instants on")}}};
}

}  // namespace

Tables of_tenants() {
  Tables tables{of_tenant()};
  const Tables arrivals = of_arrivals();
  tables.insert(tables.end(), arrivals.begin(), arrivals.end());
  tables.push_back({"tenant.sessions",
                    "sessions",
                    "",
                    Shown::in_prose,
                    "",
                    {required(table("turns", "lengths", "", "how many a session has")),
                     required(wait("think", "", "between two turns")),
                     required(whole("max_context", {1, kMostTokens}, "",
                                    "tokens of the longest prompt of a turn"))}});
  tables.push_back({"tenant.slo",
                    "slo",
                    "",
                    Shown::in_prose,
                    "",
                    {duration("ttft", "none", "time to first token"),
                     duration("tpot", "none", "time per output token"),
                     duration("itl", "none", "gap between tokens, 99th percentile of the request"),
                     duration("e2e", "none", "end to end")}});
  tables.push_back(
      {"tenant.retry",
       "retry",
       "",
       Shown::in_prose,
       "",
       {required(word<RetryPolicy>("policy", "", "how it waits before an attempt")),
        duration("delay", "`\"1s\"`", "of `fixed`, `exponential` and `honour_retry_after`"),
        duration("max_delay", "`\"60s\"`", "of `exponential` and `honour_retry_after`"),
        whole("attempts", {1, 255}, "3", "the first included; of all but `none`"),
        number("budget", {0, 1000}, "none",
               "retries / first attempts of the tenant, at most (plus 10); of all but `none`"),
        number("jitter", {0, 10}, "0",
               "of `honour_retry_after`: the wait is multiplied by a draw from 1 to 1 + this")}});
  return tables;
}

}  // namespace tokenlift::rows
