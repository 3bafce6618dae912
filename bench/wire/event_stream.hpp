#pragma once
// Server-sent events from bytes that come in any pieces (WHATWG HTML, "Server-sent events").
//
// Lines end with LF, CR or CR LF, and with nothing else. Comments and unknown fields are skipped.
// Some servers forget the empty line between events: a `data:` line that begins another JSON object
// or [DONE] after a complete one, or an `event:` line after data, begins another event.

#include <cstddef>
#include <string>
#include <string_view>

namespace tokenlift {

class EventStream {
 public:
  /// A line longer than this is broken.
  static constexpr std::size_t kLongestLine = std::size_t{1} << 20;

  struct Event {
    std::string_view name;  ///< of the `event:` field; empty: none
    std::string_view data;  ///< its lines, joined by LF; good until the next call
  };
  /// Takes bytes from the front of `bytes` and takes those away, until an event is complete (true;
  /// to be called again) or the bytes are used up (false).
  bool next(std::string_view& bytes, Event& event);
  /// What the end of the stream completes, as far as it holds data.
  bool finish(Event& event);
  bool broken() const { return broken_; }
  /// Bytes that it keeps of an event that is not complete.
  std::size_t held_bytes() const;

 private:
  // In the usual case, a whole event within one piece, nothing is copied or kept.
  std::string line_;  // what there is of a line whose end is not there yet
  std::string data_;  // of the event at hand, where it has been kept
  std::string name_;
  bool broken_ = false;
  bool after_cr_ = false;
  bool has_data_ = false;
  bool begun_ = false;  // past the byte order mark
};

}  // namespace tokenlift
