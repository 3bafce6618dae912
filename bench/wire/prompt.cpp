#include "bench/wire/prompt.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "bench/wire/json_text.hpp"
#include "workloads/requests/line_reader.hpp"

namespace tokenlift {
namespace {

// Frequent words, which the usual vocabularies hold as one token each with the space before them.
// 256 of them: the eight bytes of a draw are eight words. None is longer than 7 letters.
constexpr std::string_view kWords =
    "the of and to in is was for on that with as by at from are this it an be or which you have "
    "has "
    "not were can but all one new more their they will other time some when also two who its use "
    "first about may there after his her been only over into than no any these between where most "
    "through state made work under such many while three then both part well same system during "
    "known each high early until group number public long people power great small world large "
    "school south north city used year day week month name line home life left right good main "
    "place order second team game season water river road area side land point level form case "
    "field study local common free open found given rule music film book story series song "
    "house park west east old few own set play plan paper light food air station record report "
    "company service market process program project support change result history science law "
    "force army war peace town village church family child mother father women men human body "
    "head hand heart mind love death age young king party member office court council country "
    "nation region central western eastern modern recent major single double full half third "
    "four five six seven eight nine ten hundred million money price cost value rate total end "
    "start begin return move turn run stop keep help need want think know see look find give take "
    "come call show tell ask door wind salt";
constexpr std::size_t kWordCount = 256;
constexpr std::size_t kWordBytes = 8;
static_assert(std::ranges::count(kWords, ' ') == kWordCount - 1);

/// The words, each with the space before it, at places of 8 bytes.
struct WordTable {
  std::array<std::array<char, kWordBytes>, kWordCount> texts{};
  std::array<std::uint8_t, kWordCount> sizes{};
};

constexpr WordTable word_table() {
  WordTable table;
  std::size_t at = 0;
  for (std::size_t word = 0; word < kWordCount; ++word) {
    const std::size_t end = std::min(kWords.find(' ', at), kWords.size());
    table.texts[word][0] = ' ';
    for (std::size_t i = at; i < end; ++i) table.texts[word][i - at + 1] = kWords[i];
    table.sizes[word] = static_cast<std::uint8_t>(end - at + 1);
    at = end + 1;
  }
  return table;
}
constexpr WordTable kTable = word_table();

constexpr std::string_view kPromptForm =
    R"({"prompt": "What is a token?"}, or the text alone: "What is a token?")";
constexpr std::size_t kLongestPromptLine = std::size_t{64} << 20;

constexpr std::size_t kMostPromptBytes = std::size_t{256} << 20;  // all are held in memory

/// False where there is none, or two, of which readers would each take another one.
bool find_prompt(const simdjson::dom::object& object, simdjson::dom::element& prompt) {
  std::size_t found = 0;
  for (const simdjson::dom::key_value_pair field : object) {
    if (field.key != "prompt") continue;
    prompt = field.value;
    ++found;
  }
  return found == 1;
}

/// The prompt that a line holds, or nothing.
bool read_prompt(simdjson::dom::parser& parser, const std::string& line, std::string& prompt) {
  simdjson::dom::element element;
  std::string_view text;
  if (parser.parse(line).get(element)) return false;
  if (element.is_object() && !find_prompt(simdjson::dom::object(element), element)) return false;
  if (element.get(text)) return false;
  prompt = text;
  return true;
}

}  // namespace

std::vector<std::string> read_prompts(const std::string& path) {
  LineReader lines(path, "prompt");
  simdjson::dom::parser parser;
  std::vector<std::string> prompts;
  std::error_code error;
  if (std::filesystem::file_size(path, error) > kMostPromptBytes && !error) {
    lines.fail(fmt::format("the file has more than {} MiB, which is the most that is read",
                           kMostPromptBytes >> 20),
               "prompts are taken in turn: give fewer, or shorter ones");
  }
  while (lines.next(kLongestPromptLine, kPromptForm)) {
    const std::size_t begin = lines.line().find_first_not_of(" \t");
    if (begin == std::string_view::npos) continue;
    std::string prompt;
    if (!read_prompt(parser, std::string(lines.line()), prompt)) {
      lines.fail("the line is no prompt", "a line is " + std::string(kPromptForm), begin);
    }
    if (prompt.empty()) lines.fail("the prompt is empty", "leave the line out", begin);
    prompts.push_back(std::move(prompt));
  }
  if (prompts.empty()) {
    lines.fail("there is no prompt in the file", "a line is " + std::string(kPromptForm));
  }
  return prompts;
}

PromptSource::PromptSource(Prompts prompts, std::uint64_t seed, std::uint32_t tenant)
    : prompts_(std::move(prompts)),
      draws_(seed, Purpose::prompt_content, tenant),
      block_draws_(seed, Purpose::prompt_block, 0) {
  if (prompts_.kind == PromptKind::file) {
    for (const std::string& prompt : read_prompts(prompts_.file)) {
      append_json_text(prompt, lines_.emplace_back());
    }
  }
  set_words_per_token(1);
}

void PromptSource::set_words_per_token(double words_per_token) {
  words_per_token_ = words_per_token;
  system_.clear();
  append_words(draws_, kSystemKey, prompts_.system_tokens, system_);
}

void PromptSource::append_text(std::uint64_t key, std::int64_t tokens, std::string& out) const {
  if (prompts_.kind == PromptKind::file) {
    // In turn, from a line of the seed's and tenant's choice.
    const std::uint64_t lines = lines_.size();
    out += lines_[(draws_.bits(kSystemKey) % lines + key % lines) % lines];
  } else {
    append_words(draws_, key, tokens, out);
  }
}

// Draw 0 of a key is a bijection of it, and its eight bytes are the first eight words.
void PromptSource::append_words(const Draws& draws, std::uint64_t key, std::int64_t tokens,
                                std::string& out) const {
  if (tokens <= 0) return;
  auto words = static_cast<std::size_t>(
      std::max(std::llround(static_cast<double>(tokens) * words_per_token_), 1LL));
  const std::size_t begin = out.size();
  out.resize(begin + words * kWordBytes);
  char* to = out.data() + begin;
  std::uint64_t bits = draws.bits(key);
  for (std::uint64_t draw = 0; words > 0; bits = draws.bits(key, draw++)) {
    for (std::size_t i = std::min<std::size_t>(words, 8); i > 0; --i, --words, bits >>= 8) {
      const std::size_t word = bits & 0xff;
      std::memcpy(to, kTable.texts[word].data(), kWordBytes);
      to += kTable.sizes[word];
    }
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
  out.erase(begin, 1);  // the first space
}

namespace {

// As words are, with 5 ids of the first draw, which hold its 64 bits, and 4 of each further one.
void append_drawn_ids(const Draws& draws, std::uint64_t key, std::int64_t tokens,
                      std::string& out) {
  constexpr std::uint64_t kFirst = 1000;
  constexpr std::uint64_t kIds = 29'000;
  std::uint64_t bits = draws.bits(key);
  std::int64_t of_draw = 5;
  for (std::uint64_t draw = 0; tokens > 0; bits = draws.bits(key, draw++), of_draw = 4) {
    for (std::int64_t i = std::min(tokens, of_draw); i > 0; --i, --tokens, bits /= kIds) {
      std::array<char, 6> digits = {};
      const auto end = std::to_chars(digits.begin(), digits.end(), kFirst + bits % kIds).ptr;
      *end = ',';
      out.append(digits.begin(), end + 1);
    }
  }
}

}  // namespace

void PromptSource::append_ids(std::uint64_t key, std::int64_t tokens, std::string& out) const {
  append_drawn_ids(draws_, key, tokens, out);
}

std::int64_t PromptSource::append_blocks(std::span<const std::uint64_t> blocks,
                                         std::int64_t block_tokens, std::int64_t tokens,
                                         std::string& out) const {
  if (prompts_.kind == PromptKind::file) return tokens;
  for (const std::uint64_t block : blocks) {
    if (tokens <= 0) break;
    const std::int64_t its_tokens = std::min(tokens, block_tokens);
    tokens -= its_tokens;
    if (prompts_.kind == PromptKind::token_ids) {
      append_drawn_ids(block_draws_, block, its_tokens, out);
    } else {
      append_words(block_draws_, block, its_tokens, out);
      out += ' ';
    }
  }
  return tokens;
}

}  // namespace tokenlift
