#pragma once
// Server-sent events from bytes that come in any pieces (WHATWG HTML, "Server-sent events").
//
// Lines end with LF, CR or CR LF, and with nothing else. Comments and unknown fields are skipped.
// Some servers forget the empty line between events: a `data:` line that begins another JSON object
// or [DONE] after a complete one, or an `event:` line after data, begins another event.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tokenlift {

class EventStream {
 public:
  /// A line, or the data of an event, longer than this is broken.
  static constexpr std::size_t kLongestLine = std::size_t{1} << 20;

  struct Event {
    std::string_view name;  ///< of the `event:` field; empty: none
    std::string_view data;  ///< its lines, joined by LF; good until the next call
  };
  /// Takes bytes from the front of `bytes` and takes those away, until an event is complete (true;
  /// to be called again) or the bytes are used up (false).
  bool next(std::string_view& bytes, Event& event);
  /// What the end of the stream completes, as far as it holds data: to be called until it is false.
  bool finish(Event& event);
  /// A line or an event was too long. Nothing comes any more.
  bool broken() const { return broken_; }
  /// Bytes that it keeps of an event that is not complete.
  std::size_t held_bytes() const;

 private:
  /// How far data has been read as JSON, to tell whether it is complete.
  struct Json {
    std::size_t at = 0;
    std::int32_t depth = 0;
    bool begun = false;
    bool in_string = false;
    bool escaped = false;
  };
  bool take_usual(std::string_view& bytes, Event& event);
  bool take_line(std::string_view& bytes, std::string_view& line);
  void untake_line(std::string_view& bytes, std::string_view line);
  bool begins_another(std::string_view data, std::string_view value);
  void add_data(Event& at_hand, std::string_view value);
  void name_it(Event& at_hand, std::string_view value);
  void keep(const Event& at_hand);

  // In the usual case, a whole event within one piece, nothing is copied or kept.
  std::string line_;  // what there is of a line whose end is not there yet
  std::string data_;  // of the event at hand, where it has been kept
  std::string name_;
  Json json_;  // of the data at hand
  bool broken_ = false;
  bool begun_ = false;  // past the byte order mark
  bool after_cr_ = false;
  bool line_ended_ = false;  // line_ is complete, and the line that is being read
  bool line_again_ = false;  // ... and is to be read again
  bool has_data_ = false;
  bool delivered_ = false;  // what was kept is that of the event before
};

}  // namespace tokenlift
