#include "bench/command/command_line.hpp"
#include "bench/command/program.hpp"

int main(int argc, char** argv) {
  return tokenlift::run_command_line(tokenlift::surroundings_of_process(argc, argv));
}
