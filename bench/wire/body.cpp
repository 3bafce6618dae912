#include "bench/wire/body.hpp"

#include <algorithm>

namespace tokenlift {
namespace {

// More than any server sends, and little enough that nobody keeps a reader busy with it.
constexpr std::uint16_t kMostLineBytes = 16 * 1024;

int digit_of(char byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  const char lower = static_cast<char>(byte | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

Body::Body(ResponseHead::Framing framing, std::uint64_t length, Lines lines) : lines_(lines) {
  switch (framing) {
    case ResponseHead::Framing::none:
      break;
    case ResponseHead::Framing::length:
      left_ = length;
      if (length > 0) part_ = Part::content;
      break;
    case ResponseHead::Framing::chunked:
      part_ = Part::size;
      break;
    case ResponseHead::Framing::until_close:
      part_ = Part::until_close;
      break;
  }
}

Body::State Body::state() const {
  if (part_ == Part::done) return State::done;
  return part_ == Part::broken ? State::broken : State::more;
}

void Body::take(std::string_view& bytes, std::string_view& data) {
  data = bytes.substr(0, left_);
  bytes.remove_prefix(data.size());
  left_ -= data.size();
}

Body::State Body::feed(std::string_view& bytes, std::string_view& data) {
  data = {};
  if (part_ == Part::until_close) {
    data = bytes;
    bytes = {};
    return State::more;
  }
  if (part_ == Part::content) {
    take(bytes, data);
    if (left_ == 0) part_ = Part::done;
    return state();
  }
  // What stands between two chunks goes with the first, so that the end is seen with the last data.
  while (!bytes.empty() && part_ != Part::done && part_ != Part::broken) {
    if (part_ == Part::chunk) {
      if (!data.empty()) break;
      take(bytes, data);
      if (left_ == 0) part_ = Part::chunk_end;
    } else if (!take_usual_line(bytes)) {
      step(bytes.front());
      bytes.remove_prefix(1);
    }
  }
  return state();
}

/// The end of a chunk, or the line of a size, in one piece and as nearly everybody writes it. False
/// where it has to be looked at byte by byte.
bool Body::take_usual_line(std::string_view& bytes) {
  constexpr std::size_t kUsualDigits = 7;
  if (line_bytes_ > 0 && part_ == Part::size) return false;
  if (part_ == Part::chunk_end) {
    if (!bytes.starts_with("\r\n")) return false;
    bytes.remove_prefix(2);
    line_bytes_ = 0;
    part_ = Part::size;
    return true;
  }
  if (part_ != Part::size) return false;
  std::uint64_t size = 0;
  std::size_t at = 0;
  for (; at < std::min(bytes.size(), kUsualDigits); ++at) {
    const int digit = digit_of(bytes[at]);
    if (digit < 0) break;
    size = size * 16 + static_cast<std::uint64_t>(digit);
  }
  if (at == 0 || !bytes.substr(at).starts_with("\r\n")) return false;
  bytes.remove_prefix(at + 2);
  left_ = size;
  begin_chunk();
  return true;
}

/// An LF that follows no CR, or a blank behind a size, where they are not taken.
bool Body::is_misplaced(char byte) const {
  if (lines_ == Lines::leniently) return false;
  if (part_ == Part::size) return byte == '\n' || byte == ' ' || byte == '\t';
  const bool follows_cr = part_ == Part::size_end || part_ == Part::chunk_end_lf ||
                          part_ == Part::trailer_line_end || part_ == Part::trailer_end;
  return byte == '\n' && !follows_cr;
}

void Body::step(char byte) {
  if (is_misplaced(byte)) {
    part_ = Part::broken;
    return;
  }
  switch (part_) {
    case Part::size:
      step_in_size(byte);
      break;
    case Part::extension:
      if (byte == '\r') {
        part_ = Part::size_end;
      } else if (byte == '\n') {
        begin_chunk();
      } else if (++line_bytes_ > kMostLineBytes) {
        part_ = Part::broken;
      }
      break;
    case Part::size_end:
      part_ = Part::broken;
      if (byte == '\n') begin_chunk();
      break;
    case Part::chunk_end:
      line_bytes_ = 0;
      part_ = byte == '\r' ? Part::chunk_end_lf : byte == '\n' ? Part::size : Part::broken;
      break;
    case Part::chunk_end_lf:
      part_ = byte == '\n' ? Part::size : Part::broken;
      break;
    case Part::trailer:
      part_ = byte == '\r' ? Part::trailer_end : byte == '\n' ? Part::done : Part::trailer_name;
      break;
    case Part::trailer_name:  // without a colon it is something else: the end is lost
      if (byte == ':') part_ = Part::trailer_line;
      if (byte == '\n' || ++line_bytes_ > kMostLineBytes) part_ = Part::broken;
      break;
    case Part::trailer_line:
      if (byte == '\r') part_ = Part::trailer_line_end;
      if (byte == '\n') part_ = Part::trailer;
      if (++line_bytes_ > kMostLineBytes) part_ = Part::broken;
      break;
    case Part::trailer_line_end:
      part_ = byte == '\n' ? Part::trailer : Part::broken;
      break;
    case Part::trailer_end:
      part_ = byte == '\n' ? Part::done : Part::broken;
      break;
    case Part::content:
    case Part::until_close:
    case Part::chunk:
    case Part::done:
    case Part::broken:
      break;
  }
}

void Body::step_in_size(char byte) {
  constexpr std::uint16_t kMostDigits = 16;
  if (const int digit = digit_of(byte); digit >= 0) {
    left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
    if (++line_bytes_ > kMostDigits) part_ = Part::broken;
    return;
  }
  if (line_bytes_ == 0) {
    part_ = Part::broken;  // no size at all
  } else if (byte == '\r') {
    part_ = Part::size_end;
  } else if (byte == '\n') {
    begin_chunk();
  } else if (byte == ';' || byte == ' ' || byte == '\t') {
    part_ = Part::extension;
  } else {
    part_ = Part::broken;
  }
}

void Body::begin_chunk() {
  line_bytes_ = 0;
  part_ = left_ == 0 ? Part::trailer : Part::chunk;
}

Body::State Body::close() const {
  return part_ == Part::done || part_ == Part::until_close ? State::done : State::broken;
}

}  // namespace tokenlift
