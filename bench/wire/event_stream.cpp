#include "bench/wire/event_stream.hpp"

#include <algorithm>
#include <cstring>

namespace tokenlift {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kDone = "[DONE]";
// What a stream may keep allocated while it holds nothing.
constexpr std::size_t kIdleBytes = 256;

/// The first LF or CR; npos: none. Looks for one and then the other, in windows, so that a stream
/// that has but one of them costs no more than its bytes.
std::size_t find_line_end(std::string_view bytes) {
  constexpr std::size_t kWindow = 512;
  for (std::size_t begin = 0; begin < bytes.size(); begin += kWindow) {
    const std::string_view window = bytes.substr(begin, kWindow);
    const std::size_t lf = std::min(window.find('\n'), window.size());
    const std::size_t end = std::min(window.substr(0, lf).find('\r'), lf);
    if (end < window.size()) return begin + end;
  }
  return std::string_view::npos;
}

std::string_view without_spaces(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

void empty(std::string& text) {
  if (text.capacity() > kIdleBytes) {
    text = std::string();
  } else {
    text.clear();
  }
}

}  // namespace

bool EventStream::take_line(std::string_view& bytes, std::string_view& line) {
  if (line_again_) {
    line_again_ = false;
    line = line_;
    return true;
  }
  if (line_ended_) {
    line_ended_ = false;
    empty(line_);
  }
  if (after_cr_ && !bytes.empty()) {
    after_cr_ = false;
    if (bytes.front() == '\n') bytes.remove_prefix(1);
  }
  const std::size_t end = std::min(find_line_end(bytes), bytes.size());
  if (line_.size() + end > kLongestLine) {
    broken_ = true;
    return false;
  }
  if (end == bytes.size()) {
    line_ += bytes;
    bytes = {};
    return false;
  }
  line = bytes.substr(0, end);
  after_cr_ = bytes[end] == '\r';
  bytes.remove_prefix(end + 1);
  if (!line_.empty()) {
    line_ += line;
    line = line_;
    line_ended_ = true;
  }
  if (!begun_ && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  begun_ = true;
  return true;
}

/// Puts back the line that was taken last.
void EventStream::untake_line(std::string_view& bytes, std::string_view line) {
  if (line_ended_) {
    line_again_ = true;
    return;
  }
  bytes = {line.data(), static_cast<std::size_t>(bytes.data() + bytes.size() - line.data())};
  after_cr_ = false;
}

/// Whether a line of data belongs to another event than the data before it: the empty line between
/// them is lost. Only where data is a complete JSON object can that be told.
bool EventStream::begins_another(std::string_view data, std::string_view value) {
  value = without_spaces(value);
  if (!value.starts_with('{') && value != kDone) return false;
  for (; json_.at < data.size(); ++json_.at) {
    const char c = data[json_.at];
    if (json_.in_string) {
      if (c == '"' && !json_.escaped) json_.in_string = false;
      json_.escaped = c == '\\' && !json_.escaped;
    } else if (c == '{' || c == '[') {
      if (json_.depth == 0 && json_.begun) return false;  // two values: no JSON
      json_.begun = true;
      ++json_.depth;
    } else if (c == '}' || c == ']') {
      --json_.depth;
    } else if (c == '"') {
      json_.in_string = true;
    }
  }
  return json_.begun && json_.depth == 0 && !json_.in_string;
}

void EventStream::add_data(Event& at_hand, std::string_view value) {
  if (!has_data_) {
    has_data_ = true;
    at_hand.data = value;
    if (line_ended_) at_hand.data = data_ = value;
    return;
  }
  if (at_hand.data.data() != data_.data()) data_ = at_hand.data;
  if (data_.size() + 1 + value.size() > kLongestLine) {
    broken_ = true;
    return;
  }
  data_ += '\n';
  data_ += value;
  at_hand.data = data_;
}

void EventStream::name_it(Event& at_hand, std::string_view value) {
  at_hand.name = value;
  if (line_ended_) at_hand.name = name_ = value;
}

/// What is not complete when the bytes are used up.
void EventStream::keep(const Event& at_hand) {
  if (at_hand.data.data() != data_.data()) data_ = at_hand.data;
  if (at_hand.name.data() != name_.data()) name_ = at_hand.name;
}

/// An event of one line of data, all of it in one piece, where nothing is kept of what came before.
bool EventStream::take_usual(std::string_view& bytes, Event& event) {
  constexpr std::string_view kData = "data: ";
  const bool is_clean = begun_ && !delivered_ && !has_data_ && !after_cr_ && !line_ended_ &&
                        !line_again_ && line_.empty() && name_.empty();
  if (!is_clean || !bytes.starts_with(kData)) return false;
  const std::size_t end = bytes.find('\n');
  if (end >= bytes.size() - 1 || bytes[end + 1] != '\n' || end > kLongestLine) return false;
  const std::string_view line = bytes.substr(0, end);
  if (line.find('\r') != std::string_view::npos) return false;
  event = {{}, line.substr(kData.size())};
  bytes.remove_prefix(end + 2);
  return true;
}

bool EventStream::next(std::string_view& bytes, Event& event) {
  if (take_usual(bytes, event)) return true;
  if (bytes.empty() && !delivered_ && !line_again_) return false;
  if (delivered_) {
    delivered_ = false;
    empty(data_);
    empty(name_);
  }
  Event at_hand{name_, data_};  // what was kept, or views into `bytes`
  const auto deliver = [this, &at_hand, &event] {
    event = at_hand;
    has_data_ = false;
    json_ = {};
    delivered_ = true;
    return true;
  };
  std::string_view line;
  while (!broken_ && take_line(bytes, line)) {
    if (line.empty()) {
      if (has_data_) return deliver();
      at_hand = {};
      empty(name_);
      continue;
    }
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string_view field = line.substr(0, colon);
    std::string_view value = line.substr(std::min(colon + 1, line.size()));
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "data") {
      if (has_data_ && begins_another(at_hand.data, value)) {
        untake_line(bytes, line);
        return deliver();
      }
      add_data(at_hand, value);
    } else if (field == "event") {
      if (has_data_) {
        untake_line(bytes, line);
        return deliver();
      }
      name_it(at_hand, value);
    }
  }
  if (broken_) {
    bytes = {};
    *this = EventStream();
    broken_ = true;
    return false;
  }
  keep(at_hand);
  return false;
}

bool EventStream::finish(Event& event) {
  // The first ends a line that has no end yet, the second the event.
  std::string_view end = "\n\n";
  return next(end, event);
}

std::size_t EventStream::held_bytes() const {
  return delivered_ ? line_.size() : line_.size() + data_.size() + name_.size();
}

}  // namespace tokenlift
