#include "bench/command/serve_command.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "bench/command/input.hpp"
#include "bench/command/run_command.hpp"
#include "bench/machine/progress.hpp"
#include "bench/run/experiment.hpp"
#include "bench/serve/server.hpp"
#include "bench/serve/timetable.hpp"
#include "bench/wire/socket_room.hpp"
#include "reports/analysis/trial.hpp"
#include "reports/findings/report.hpp"
#include "reports/formats/page_html.hpp"
#include "reports/formats/page_text.hpp"
#include "reports/json/json_run.hpp"
#include "reports/page/report_page.hpp"
#include "reports/text/visible.hpp"
#include "workloads/plan/plan.hpp"
#include "workloads/scenario/keywords.hpp"

namespace tokenlift {

namespace {

struct ServeOptions {
  ScenarioChoice scenario;
  std::string listen = "127.0.0.1:8000";
  std::optional<std::int64_t> duration_ns;
  std::string api_key_file;
  std::string admin_key_file;
  TlsIdentity tls;
  bool plays_load = false;
  std::string records;  ///< file for one line per request; empty: none
  std::string out;
  bool quiet = false;
};

/// Of a file; none where there is none. Throws UsageError.
Keys read_keys(const std::string& file, const Scenario& scenario) {
  if (file.empty()) return {};
  auto keys = parse_keys(read_file(file), scenario);
  if (const auto* wrong = std::get_if<std::string>(&keys)) {
    throw UsageError(fmt::format("{}: {}", file, *wrong));
  }
  return std::get<Keys>(std::move(keys));
}

/// Null: plain. Throws UsageError and EndpointError.
std::shared_ptr<const TlsContext> read_identity(const TlsIdentity& tls) {
  if (tls.certificate_file.empty() && tls.key_file.empty()) return nullptr;
  if (tls.certificate_file.empty() || tls.key_file.empty()) {
    throw UsageError("--tls-cert and --tls-key belong together: give both, or neither");
  }
  return std::make_shared<const TlsContext>(tls);
}

bool is_servable(const EngineTraits& engine) {
  return engine.computes || engine.simulated;
}

void require_servable(const Scenario& scenario) {
  if (!scenario.jobs.empty()) {
    throw UsageError(fmt::format("job '{}' cannot be served beside requests: remove the [[job]]",
                                 scenario.jobs.front().name));
  }
  if (is_servable(traits_of(scenario.run.engine))) return;
  throw UsageError(
      fmt::format("engine '{}' cannot be served: --engine threads computes, --engine virtual is "
                  "priced by the fleet's cost model, and answers at its pace",
                  name_of(scenario.run.engine)));
}

void tell_where(const Surroundings& surroundings, const ServeOptions& options,
                const ListenAddress& listen, const Server& server, bool has_keys) {
  const bool six = listen.host.find(':') != std::string::npos;
  say(surroundings, options.quiet, "serving on {}://{}{}{}:{}; Ctrl-C ends it",
      options.tls.key_file.empty() ? "http" : "https", six ? "[" : "", listen.host, six ? "]" : "",
      server.port());
  if (!server.is_loopback() && !has_keys) {
    say(surroundings, options.quiet,
        "warning: others than this machine can ask, and throw the switch: --api-key-file and "
        "--admin-key-file say who may");
  }
}

void write_results(const Surroundings& surroundings, const OutputFolder& folder, const Run& run) {
  const auto file = folder.write("run.json", to_json(run));
  Pool pool;
  pool.add(run_name(1, false), run);
  const Report report = make_report({pool.take(run.scenario_name)});
  const auto page = folder.write(kPage, to_html(report_page(report)));
  print_result(surroundings, fmt::format("{}\nresults: {}\nreport:  {}\n",
                                         to_text(report_page(report), style_of(surroundings)),
                                         visible(file.string()), visible(page.string())));
}

int serve(const Surroundings& surroundings, const ServeOptions& options) {
  const std::vector<Profile> profiles = load_profiles(options.scenario.profile_files);
  const Scenario scenario = load_scenario(options.scenario, profiles);
  require_servable(scenario);
  ServerSettings settings{parse_listen_address(options.listen),
                          read_keys(options.api_key_file, scenario),
                          read_keys(options.admin_key_file, scenario),
                          read_identity(options.tls),
                          options.plays_load,
                          {}};
  const bool has_keys = !settings.keys.empty();
  const ListenAddress listen = settings.listen;
  if (surroundings.waits_for_answers != nullptr) *surroundings.waits_for_answers = true;
  if (surroundings.serves != nullptr) *surroundings.serves = true;
  Experiment experiment(surroundings.words, stop_of(surroundings), 1);
  if (needs_capacity(scenario) && traits_of(scenario.run.engine).computes) {
    say(surroundings, options.quiet, "measuring the capacity of the fleet, some seconds");
  }
  std::optional<Prepared> prepared =
      prepare_and_warn(surroundings, true, experiment,
                       served_scenario(scenario, options.duration_ns, options.plays_load));
  if (!prepared) return kNotValid;
  Timetable timetable(prepared->scenario, profiles);
  prepared->scenario = scenario_at_door(prepared->scenario, options.plays_load);

  raise_descriptor_limit();
  ServeClock clock;
  Server server(prepared->scenario, std::move(settings), clock, timetable);
  // Before anybody is served: what cannot be written is said now.
  const std::filesystem::path out =
      options.out.empty() ? default_folder(scenario.name) : options.out;
  std::vector<std::filesystem::path> inputs = inputs_of(options.scenario, scenario);
  for (const std::string& file : {options.api_key_file, options.admin_key_file,
                                  options.tls.certificate_file, options.tls.key_file}) {
    inputs.emplace_back(file);
  }
  require_own_file(options.records, {}, out, inputs);
  require_no_other_runs({}, out);
  const OutputFolder folder = claim_folder(options.out, scenario.name);
  std::optional<RequestLog> log;
  if (!options.records.empty()) experiment.log_to(log.emplace(options.records));
  tell_where(surroundings, options, listen, server, has_keys);
  ProgressBoard board;
  const std::atomic<bool> never{false};
  const Serving serving{clock, server, surroundings.cut != nullptr ? *surroundings.cut : never,
                        timetable.played(), options.plays_load};
  const Run run = [&] {
    const bool shows = surroundings.err_is_terminal && !options.quiet;
    const ProgressDisplay display(board, plan_phases(prepared->scenario, std::nullopt, 0),
                                  prepared->scenario.run.duration_ns, "", false,
                                  shows ? surroundings.err : nullptr, true);
    return experiment.run(*prepared, 1, board, false, &serving);
  }();
  server.finish();
  write_results(surroundings, folder, run);
  if (log) log->close();
  return kDone;
}

}  // namespace

Command serve_command() {
  const auto options = std::make_shared<ServeOptions>();
  Command command{"serve", "serve a scenario's fleet behind its throttles as an endpoint"};
  command.options = {engine_option(options->scenario, is_servable)};
  add_scenario_options(command, options->scenario);
  const std::vector<Option> own = {
      {"--listen", text(options->listen, "HOST:PORT"),
       "where to listen (default: 127.0.0.1:8000); port 0: any that is free"},
      {"--duration", duration(options->duration_ns), "serve for so long (default: 1h)"},
      {"--with-load", flag(options->plays_load),
       "the scenario's tenants ask as well, beside those who call; metrics count who calls alone"},
      {"--api-key-file", text(options->api_key_file, "FILE"),
       "keys of clients, one a line, each with the name of its tenant behind it (default: nobody "
       "needs a key)"},
      {"--admin-key-file", text(options->admin_key_file, "FILE"),
       "keys of those who may post events (default: those of clients)"},
      {"--tls-cert", text(options->tls.certificate_file, "FILE"),
       "speak TLS: the server's certificate in PEM, and behind it those that lead to an authority "
       "(default: plain HTTP)"},
      {"--tls-key", text(options->tls.key_file, "FILE"), "the certificate's key, in PEM"},
      {"--records", name(options->records, "FILE"),
       "stream one CSV line per request into FILE, with its x-request-id"},
      {"--out", name(options->out, "FOLDER"),
       "folder for run.json and report.html of what was served, which replace those of one run "
       "(default: tokenlift-results/NAME-TIME)"},
      {"--quiet", flag(options->quiet),
       "say neither where it listens nor warnings, and show no progress on a terminal"}};
  command.options.insert(command.options.end(), own.begin(), own.end());
  command.footer =
      "A browser shows it live at /, with buttons for events. A head may have 64 kB and 10 s, "
      "with\n"
      "the handshake of TLS, a body 16 MB and 60 s; a client that leaves 1 MB of a stream unread\n"
      "is cut. A client that tries again counts as another request: nobody knows which one comes\n"
      "again. The first Ctrl-C takes no more requests and waits for those that it has, the second\n"
      "one cuts them, and the report says INTERRUPTED. Who served ends with 0, whether the report\n"
      "is valid or not.";
  command.run = [options](const Surroundings& surroundings) {
    return serve(surroundings, *options);
  };
  return command;
}

}  // namespace tokenlift
