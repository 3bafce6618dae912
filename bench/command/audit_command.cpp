#include "bench/command/audit_command.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "bench/command/input.hpp"
#include "bench/machine/output_folder.hpp"
#include "reports/findings/audit.hpp"
#include "reports/formats/page_format.hpp"
#include "reports/json/json_audit.hpp"
#include "reports/json/json_client.hpp"
#include "reports/json/json_run.hpp"
#include "reports/page/audit_page.hpp"

namespace tokenlift {

namespace {

namespace fs = std::filesystem;

constexpr const char* kRecords = "records.csv";

struct AuditOptions {
  std::string client;
  std::string server;
  std::string client_records;
  std::string server_records;
  std::string format = "text";
  std::string out;
};

/// The log that is named, or the one that lies there under its usual name; none where there is
/// none.
std::optional<std::vector<RequestRow>> read_log(const std::string& named, const fs::path& folder) {
  std::error_code error;
  const fs::path file = named.empty() ? folder / kRecords : fs::path(named);
  if (named.empty() && !fs::exists(file, error)) return std::nullopt;
  try {
    return read_request_rows(read_file(file));
  } catch (const std::invalid_argument& wrong) {
    throw UsageError(fmt::format("{}: {}", file.string(), wrong.what()));
  }
}

AuditedServer read_server(const AuditOptions& options) {
  std::error_code error;
  const bool folder = fs::is_directory(options.server, error);
  const fs::path file = folder ? fs::path(options.server) / "run.json" : fs::path(options.server);
  if (folder && !fs::exists(file, error)) {
    throw UsageError(fmt::format("no run.json in the folder '{}'", options.server));
  }
  const Run run = read_run(read_file(file), file.string());
  if (run.wire) {
    throw UsageError(
        fmt::format("'{}' is a run of engine http, which is a client: SERVER is what serve wrote",
                    file.string()));
  }
  return {run.scenario_name, server_view(run), run.valid(),
          read_log(options.server_records, file.parent_path())};
}

/// Of this repetition alone: the log may be of several.
void keep_run(const Run& run, std::vector<RequestRow>& rows) {
  std::erase_if(rows, [&](const RequestRow& row) {
    return row.repetition != run.repetition || row.control != run.control;
  });
}

AuditedClient read_client(const AuditOptions& options) {
  const std::string text = read_file(options.client);
  AuditedClient client;
  if (auto view = read_client_result(text, options.client)) {
    if (!options.client_records.empty()) {
      throw UsageError(fmt::format("--client-records is of tokenlift run, and '{}' is of {}",
                                   options.client, view->maker));
    }
    client.view = std::move(*view);
    return client;
  }
  const Run run = read_run(text, options.client);
  if (!run.wire) {
    throw UsageError(fmt::format("'{}' is a run of engine {}: only engine http asks a server",
                                 options.client, run.engine));
  }
  client.view = client_view(run);
  client.ours = true;
  client.has_throttles = !run.throttles.empty();
  client.rows = read_log(options.client_records, fs::path(options.client).parent_path());
  if (client.rows) keep_run(run, *client.rows);
  return client;
}

int audit(const Surroundings& surroundings, const AuditOptions& options) {
  if (options.out.empty()) {
    require_no_html_on_terminal(surroundings, options.format);
  } else {
    require_no_folder(options.out);
    require_no_input(
        "--out", options.out,
        {options.client, options.server, fs::path(options.server) / "run.json",
         options.client_records, options.server_records, fs::path(options.server) / kRecords,
         fs::path(options.client).parent_path() / kRecords,
         fs::path(options.server).parent_path() / kRecords});
  }
  const AuditedClient client = read_client(options);
  const AuditedServer server = read_server(options);
  std::optional<Audit> made;
  try {
    made = make_audit(client, server);
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
  }
  const TextStyle style = options.out.empty() ? style_of(surroundings) : TextStyle();
  const std::string text = options.format == "json"
                               ? to_json(*made)
                               : in_format(audit_page(*made), options.format, style);
  if (options.out.empty()) {
    print_result(surroundings, text);
  } else {
    OutputFile(options.out).write(text);
  }
  return made->agrees() ? kDone : kGoalMissed;
}

}  // namespace

Command audit_command() {
  const auto options = std::make_shared<AuditOptions>();
  Command command{"audit", "say what a client saw of a server against what happened there"};
  command.options = {
      {"CLIENT", text(options->client, "CLIENT.json"),
       "run.json of a run of engine http, or the result file of vllm bench serve (--save-result), "
       "GuideLLM or AIPerf"},
      {"SERVER", text(options->server, "FOLDER"), "what serve --out wrote"},
      {"--client-records", text(options->client_records, "FILE"),
       "what run --records wrote (default: records.csv beside CLIENT, if it is there)"},
      {"--server-records", text(options->server_records, "FILE"),
       "what serve --records wrote (default: records.csv in SERVER, if it is there)"},
      {"--format", one_of(options->format, {"text", "markdown", "html", "json"}),
       "text; markdown: to paste into a pull request; html: a page that fetches nothing; json: "
       "everything (default: text)"},
      {"--out", name(options->out, "FILE"), "write there instead of to stdout"}};
  command.footer =
      "Exit codes: 0 what the client says agrees with what happened; 1 a figure differs; 2 the\n"
      "input is wrong: files that are none of these, or logs without a request in common.";
  command.run = [options](const Surroundings& surroundings) {
    return audit(surroundings, *options);
  };
  return command;
}

}  // namespace tokenlift
