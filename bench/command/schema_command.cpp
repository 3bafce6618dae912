#include "bench/command/schema_command.hpp"

#include <memory>

#include "reports/json/schemas.hpp"
#include "workloads/reference/schema.hpp"

namespace tokenlift {

Command schema_command() {
  const auto wanted = std::make_shared<std::string>();
  std::vector<std::string> names = {"scenario"};
  std::string files;
  for (const SchemaText& schema : embedded_schemas()) {
    names.emplace_back(schema.name);
    files += fmt::format("; {}: {}", schema.name, schema.of);
  }
  Command command{"schema", "print the JSON Schema of a file that is read or written"};
  command.options = {
      {"WHAT", one_of(*wanted, names), "scenario: scenario files (TOML), for editors" + files}};
  command.run = [wanted](const Surroundings& surroundings) {
    if (*wanted == "scenario") {
      print_result(surroundings, scenario_schema());
      return kDone;
    }
    for (const SchemaText& schema : embedded_schemas()) {
      if (schema.name == *wanted) print_result(surroundings, std::string(schema.text));
    }
    return kDone;
  };
  return command;
}

}  // namespace tokenlift
