// [fleet], its sites and [queue].

#include "workloads/reference/key_rows.hpp"

namespace tokenlift::rows {

namespace {

std::vector<LanguageKey> keys_of_site() {
  return {
      required(form("name", Form::name, "", "what events and reports call it")),
      whole("replicas", {1, kMostCount}, "1", "how many it has"),
      text("profile", "`\"cpu-small\"`", "[what a replica is](profiles/README.md)"),
      whole("max_batch", {1, kMostCount}, "16", "sequences in one step"),
      whole("max_step_tokens", {1, kMostTokens}, "512", "prompt tokens prefilled in one"),
      whole("kv_tokens", {1, kMostSize},
            "what the profile has room for less `prefix_cache_tokens`, or 65536",
            "room: 90 % of its memory less the weights"),
      whole("prefix_cache_tokens", {0, kMostSize}, "0",
            "tokens of finished requests that each replica keeps for prompts that begin alike. On "
            "engine `virtual` both caches together must fit into the profile's room"),
      form("capacity", Form::rate, "measured or computed",
           "of one of its replicas, output tokens; in every site or in none"),
      whole("at_start", {0, kMostCount}, "all",
            "so many of `replicas` are there when the run begins; the others can join"),
      duration("boot", "`\"0s\"`", "from when a replica joins, or is repaired, until it serves"),
      duration("notice", "`\"0s\"`", "of a `leave` that states none"),
      table("failures", "fleet.site.failures", "none",
            "`{ mtbf = \"50000h\", repair = \"4h\" }`: exponential, with these means. `mtbf` is of "
            "one accelerator; a replica fails with any of its own (the profile says how many, else "
            "it has one)"),
      whole("spares", {0, kMostCount}, "0", "replicas beside those"),
      table("available", "fleet.site.available", "always",
            "`{ period = \"95.5min\", off = \"35.6min\", begin = \"60min\" }`: it is away for "
            "`off` from `begin` (default `period` − `off`) on, and again every `period`"),
      table("power", "fleet.site.power", "not recorded",
            "engine `virtual`: what it draws, and what holds that back, [below](#power)"),
      duration("rtt", "`\"0s\"`", "round trip between router and site"),
      whole("max_in_flight", {1, kMostSize}, "that of all batches",
            "router `spill`: requests that it sends there at once"),
      table("price", "fleet.site.price", "none",
            "engine `virtual`: what its accelerators cost, in dollars, below: `{ per_month = "
            "1.25e9 }` or `{ per_accelerator_hour = 2.65 }`, and optionally `when_serving = true` "
            "and `on_demand = 2.95`"),
      number("electricity", {0, kMostUsdPerKwh}, "none",
             "engine `virtual`: dollars per kWh that it draws; with `power`"),
      number("carbon", {0, kMostGramsPerKwh}, "none",
             "engine `virtual`: grams of CO₂ per kWh that it draws; with `power`"),
      text("url", "",
           "where the API begins: `\"http://127.0.0.1:8000/v1\"`, http or https; without user, "
           "password or key"),
      word<Api>("api", "`\"openai_chat\"`",
                "`openai_chat`, `openai_completions`, `anthropic_messages`"),
      form("model", Form::name, "", "its name there"),
      text("key_env", "none", "the environment variable that holds the key: `\"LLM_KEY\"`"),
      text("key_file", "none",
           "or the file whose first line it is; a relative name is looked for beside the scenario"),
      table("headers", "headers", "none", "`{ x-team = \"perf\" }`: sent with every request"),
      table("timeouts", "fleet.site.timeouts",
            "`{ connect = \"5s\", first_byte = \"120s\", between = \"60s\" }`",
            "until connected; from the request to its status; from one read to the next"),
      table("tls", "fleet.site.tls", "the system's certificates",
            "`{ ca_file = \"ca.pem\" }`: certificates to trust beside them. They are always "
            "checked"),
      flag("ignore_eos", "false",
           "true: asks for answers of exactly the drawn lengths (`ignore_eos` and `min_tokens`), "
           "where the server knows that. Not of `anthropic_messages`"),
      text("metrics", "none",
           "a URL that is scraped once a second: `\"http://127.0.0.1:8000/metrics\"`"),
      word<OnRefusal>("on_refusal", "`\"client\"`",
                      "where a request goes that is refused: back to its client, which may retry, "
                      "or to the `next_site` of its tenant, each site once"),
  };
}

Tables of_power() {
  return {
      {"fleet.site.power",
       "power",
       "What a site draws (engine `virtual`).",
       Shown::as_rows,
       "",
       {form("limit", Form::power, "none",
             "what the site may draw: `\"300MW\"` (`W`, `kW`, `MW`, `GW`)"),
        number("pue", {1, kMostPue}, "1",
               "power usage effectiveness, 1 to 10: cooling and losses come on top by this factor"),
        number("per_accelerator_w", {0, 1e5}, "0",
               "the rest of a server, for each accelerator of it, in watts: drawn whatever is "
               "computed"),
        duration("control", "`\"1s\"`", "from one look at the draw to the next"),
        word<WhenOver>("when_over", "`\"slow\"`",
                       "what holds a site back: `\"slow\"` or `\"batch\"`"),
        table("battery", "fleet.site.power.battery", "none",
              "`{ energy = \"150MWh\", power = \"150MW\" }` (`Wh`, `kWh`, `MWh`, `GWh`): full at "
              "the start")}},
      {"fleet.site.power.battery",
       "battery",
       "",
       Shown::in_prose,
       "",
       {required(form("energy", Form::energy, "", "what it holds")),
        required(form("power", Form::power, "", "how fast it is emptied and filled"))}}};
}

}  // namespace

std::vector<LanguageKey> keys_of_job() {
  return {
      required(form("name", Form::name, "", "what reports call it")),
      required(text("site", "", "a site by its name")),
      required(whole("replicas", {1, kMostCount}, "",
                     "of the site's `replicas` the last ones (of several jobs the first has the "
                     "last): tenants do not have them, and no capacity counts them")),
      whole("yields", {0, kMostCount}, "0",
            "so many of these at most go to tenants while they need them"),
      whole("priority", {-1e6, 1e6}, "0",
            "it yields to tenants of this priority or a larger one that may use its site"),
      required(duration("step", "",
                        "what a step computes for with all its `replicas` at their usual pace")),
      duration("interconnect", "`\"0s\"`",
               "what is exchanged at the end of each step takes so long more"),
      duration("control", "`\"10s\"`", "from one look at what tenants need to the next")};
}

Tables of_fleet() {
  Tables tables = {
      {"fleet",
       "[fleet]",
       "",
       Shown::as_rows,
       "",
       {word<RouterPolicy>("router", "`\"least_loaded\"`",
                           "`shared_queue`, `round_robin`, `random`, `power_of_two`, "
                           "`least_loaded`, `session_affinity`, `spill`"),
        form("capacity", Form::rate, "measured or computed",
             "output tokens, of who serves at the start: `\"5000/s\"`"),
        duration("load_report_interval", "`\"0s\"`",
                 "engine `virtual`: the control plane learns of completions at its multiples; 0: "
                 "at once"),
        required(
            table("site", "fleet.site", "", "where replicas are, or an endpoint", Form::tables))}},
      {"fleet.site", "[[fleet.site]]", "", Shown::as_rows, "site: ", keys_of_site()},
      {"fleet.site.failures",
       "failures",
       "",
       Shown::in_prose,
       "",
       {required(duration("mtbf", "", "mean time between failures of one accelerator")),
        required(duration("repair", "", "mean time to its repair"))}},
      {"fleet.site.available",
       "available",
       "",
       Shown::in_prose,
       "",
       {required(duration("period", "", "from one absence to the next")),
        required(duration("off", "", "how long it is away")),
        duration("begin", "`period` − `off`", "when it goes first")}},
      {"fleet.site.price",
       "price",
       "",
       Shown::in_prose,
       "",
       {number("per_month", {0, kMostUsdPerMonth}, "", "dollars for the whole site"),
        number("per_accelerator_hour", {0, kMostUsdPerHour}, "", "dollars"),
        flag("when_serving", "false", "on demand: for the time that replicas serve"),
        number("on_demand", {0, kMostUsdPerHour}, "none",
               "dollars that an accelerator costs by the hour elsewhere")}},
      {"fleet.site.timeouts",
       "timeouts",
       "",
       Shown::in_prose,
       "",
       {duration("connect", "`\"5s\"`", "until connected"),
        duration("first_byte", "`\"120s\"`", "from the request to its status"),
        duration("between", "`\"60s\"`", "from one read to the next")}},
      {"fleet.site.tls",
       "tls",
       "",
       Shown::in_prose,
       "",
       {required(text("ca_file", "", "certificates to trust beside the system's"))}},
      {"headers",
       "headers",
       "",
       Shown::in_prose,
       "",
       {text("*", "", "a header's value by its name; no key and no password")}},
      {"job", "[[job]]", "Training beside what tenants ask for (engine `virtual`).", Shown::as_rows,
       "", keys_of_job()},
      {"queue",
       "[queue]",
       "",
       Shown::as_rows,
       "queue: ",
       {word<QueueOrder>("order", "`\"fifo\"`",
                         "of the requests that wait at the throttles: `fifo`, `priority` (of "
                         "tenants), `fair` (by their weights)")}}};
  const Tables power = of_power();
  tables.insert(tables.end(), power.begin(), power.end());
  return tables;
}

}  // namespace tokenlift::rows
