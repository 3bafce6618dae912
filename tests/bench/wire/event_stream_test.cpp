#include "bench/wire/event_stream.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/bench/wire/splits.hpp"

namespace tokenlift::event_stream_test {
namespace {

using Events = std::vector<std::pair<std::string, std::string>>;  // name and data

Events read(const Pieces& pieces, bool* broken = nullptr) {
  EventStream stream;
  Events events;
  EventStream::Event event;
  read_pieces(pieces, [&](std::string_view bytes) {
    while (stream.next(bytes, event)) events.emplace_back(event.name, event.data);
    EXPECT_TRUE(bytes.empty());
  });
  while (stream.finish(event)) events.emplace_back(event.name, event.data);
  if (broken != nullptr) *broken = stream.broken();
  return events;
}

/// Of all splits alike.
Events read_split(std::string_view text) {
  const Events expected = read(whole(text));
  for (const Pieces& pieces : splits(text)) {
    EXPECT_EQ(read(pieces), expected) << text << " as " << pieces.size() << ", " << pieces[0];
  }
  return expected;
}

/// Data alone, of events without a name.
std::vector<std::string> data_of(std::string_view text) {
  std::vector<std::string> all;
  for (const auto& [name, each] : read_split(text)) {
    EXPECT_EQ(name, "");
    all.push_back(each);
  }
  return all;
}

using Data = std::vector<std::string>;

TEST(EventStream, OfOneEventPerEmptyLineIsReadFromAnyPieces) {
  EXPECT_EQ(data_of("data: {\"a\":1}\n\ndata: [DONE]\n\n"), (Data{"{\"a\":1}", "[DONE]"}));
}

TEST(EventStream, LinesEndInLfCrOrBoth) {
  for (const std::string end : {"\n", "\r", "\r\n"}) {
    EXPECT_EQ(data_of("data: a" + end + end + "data: b" + end + "data: c" + end + end),
              (Data{"a", "b\nc"}));
  }
  EXPECT_EQ(data_of("data: a\r\n\ndata: b\n\r\ndata: c\r\r"), (Data{"a", "b", "c"}));
  EXPECT_EQ(data_of("data: a\r\rdata: b\n\n"), (Data{"a", "b"}));
}

TEST(EventStream, NoOtherCharacterEndsALine) {
  const std::string odd =
      "a\xc2\x85"
      "b\xe2\x80\xa8"
      "c\xe2\x80\xa9"
      "d\x0b"
      "e\x0c"
      "f" +
      std::string(1, '\0') + "g";
  EXPECT_EQ(data_of("data: " + odd + "\n\n"), (Data{odd}));
}

TEST(EventStream, KeepsCharactersThatAreCutAcrossReads) {
  EXPECT_EQ(data_of("data: \xf0\x9f\x98\x80\xc3\xa9\xe2\x82\xac\n\n"),
            (Data{"\xf0\x9f\x98\x80\xc3\xa9\xe2\x82\xac"}));
}

TEST(EventStream, SkipsCommentsAndUnknownFields) {
  EXPECT_EQ(data_of(": keep-alive\n\n:\n\ndata: a\n: OPENROUTER PROCESSING\nid: 7\nretry: 100\n"
                    "x\nDATA: no\n data: no\ndata : no\n\n"),
            (Data{"a"}));
}

TEST(EventStream, TakesOneSpaceAndNoMoreFromAValue) {
  EXPECT_EQ(data_of("data:a\n\ndata: b\n\ndata:  c \n\n"), (Data{"a", "b", " c "}));
}

TEST(EventStream, JoinsLinesOfDataByLf) {
  EXPECT_EQ(data_of("data: {\ndata:   \"a\": [{\ndata: }]\ndata: }\n\n"),
            (Data{"{\n  \"a\": [{\n}]\n}"}));
  EXPECT_EQ(data_of("data\ndata:\ndata: \n\n"), (Data{"\n\n"}));
  EXPECT_EQ(data_of("data:\n\n"), (Data{""}));
}

TEST(EventStream, NamesEvents) {
  EXPECT_EQ(read_split("event: ping\ndata: {}\n\nevent:a\nevent: b\ndata: 1\n\ndata: 2\n\n"),
            (Events{{"ping", "{}"}, {"b", "1"}, {"", "2"}}));
  EXPECT_EQ(read_split("event: lost\n\ndata: 1\n\n"), (Events{{"", "1"}})) << "no data, no event";
}

TEST(EventStream, SkipsAByteOrderMarkAtItsBeginningAlone) {
  EXPECT_EQ(data_of("\xef\xbb\xbf"
                    "data: a\n\n\xef\xbb\xbf"
                    "data: b\n\ndata: c\n\n"),
            (Data{"a", "c"}));
}

TEST(EventStream, SurvivesALostEmptyLineBetweenEvents) {
  EXPECT_EQ(data_of("data: {\"a\":1}\ndata: {\"b\":2}\n\n"), (Data{"{\"a\":1}", "{\"b\":2}"}));
  EXPECT_EQ(data_of("data: {\"a\":\"}{\\\"\"}\ndata: {\"b\":[{}]}\ndata: [DONE]\n\n"),
            (Data{"{\"a\":\"}{\\\"\"}", "{\"b\":[{}]}", "[DONE]"}));
  EXPECT_EQ(data_of("data: [DONE]\ndata: {}\n"), (Data{"[DONE]", "{}"}));
  EXPECT_EQ(read_split("event: a\ndata: {}\nevent: b\ndata: {}\n\n"),
            (Events{{"a", "{}"}, {"b", "{}"}}));
  EXPECT_EQ(read_split("event: a\ndata: text\nevent: b\ndata: {}\n\n"),
            (Events{{"a", "text"}, {"b", "{}"}}));
  EXPECT_EQ(data_of("data: {\ndata: }\ndata: {}\n\n"), (Data{"{\n}", "{}"}));
}

TEST(EventStream, DoesNotSplitWhatMayBeOneEvent) {
  EXPECT_EQ(data_of("data: text\ndata: {}\n\n"), (Data{"text\n{}"}));
  EXPECT_EQ(data_of("data: {\"a\":\ndata: {}}\n\n"), (Data{"{\"a\":\n{}}"}));
  EXPECT_EQ(data_of("data: {\"a\":\"}\ndata: {\"}\n\n"), (Data{"{\"a\":\"}\n{\"}"}));
  EXPECT_EQ(data_of("data: {}\ndata: text\n\n"), (Data{"{}\ntext"}));
}

TEST(EventStream, IsCompletedByItsEnd) {
  EXPECT_EQ(data_of("data: a\n\ndata: b\n"), (Data{"a", "b"}));
  EXPECT_EQ(data_of("data: b"), (Data{"b"}));
  EXPECT_EQ(data_of("data: b\r"), (Data{"b"}));
  EXPECT_EQ(data_of("data: {}\ndata: {}"), (Data{"{}", "{}"}));
  EXPECT_EQ(data_of("data: {}\nevent: x"), (Data{"{}"}));
  EXPECT_EQ(data_of("event: x\n: comment"), Data{});
  EXPECT_EQ(data_of(""), Data{});
}

TEST(EventStream, GivesAnEventAsSoonAsItsEmptyLineBegins) {
  for (const std::string end : {"\n\n", "\r\r", "\r\n\r"}) {
    EventStream stream;
    EventStream::Event event;
    const std::string text = "data: a" + end;
    std::string_view bytes = text;
    EXPECT_TRUE(stream.next(bytes, event)) << "which the LF of a CR LF adds nothing to";
    EXPECT_EQ(event.data, "a");
  }
}

TEST(EventStream, CopiesNothingOfAnEventThatIsInOnePiece) {
  EventStream stream;
  EventStream::Event event;
  const std::string text = "event: delta\ndata: {\"a\":1}\n\ndata: {\"b\":2}\n\n: x\n";
  std::string_view bytes = text;
  const auto lies_in_text = [&text](std::string_view view) {
    return view.data() >= text.data() && view.data() + view.size() <= text.data() + text.size();
  };
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(stream.next(bytes, event));
    EXPECT_TRUE(lies_in_text(event.data));
    EXPECT_EQ(stream.held_bytes(), 0U);
  }
  EXPECT_FALSE(stream.next(bytes, event));
  EXPECT_EQ(stream.held_bytes(), 0U);
}

TEST(EventStream, KeepsWhatIsNotCompleteAndNothingElse) {
  EventStream stream;
  EventStream::Event event;
  std::string_view bytes = "event: e\ndata: abc\ndata: d";
  EXPECT_FALSE(stream.next(bytes, event));
  EXPECT_EQ(stream.held_bytes(), 1U + 3 + 7);
  bytes = "ef\n\n";
  EXPECT_TRUE(stream.next(bytes, event));
  EXPECT_EQ(event.data, "abc\ndef");
  EXPECT_EQ(event.name, "e");
  EXPECT_FALSE(stream.next(bytes, event));
  EXPECT_EQ(stream.held_bytes(), 0U);
  EXPECT_LE(sizeof(EventStream), 160U);
}

TEST(EventStream, WithALineOrAnEventThatIsTooLongIsBroken) {
  const std::string part(EventStream::kLongestLine / 2, 'x');
  bool broken = false;
  EXPECT_EQ(read({"data: " + part + "\n\n"}, &broken).size(), 1U);
  EXPECT_FALSE(broken);
  EXPECT_EQ(read({"data: a\n\n", "data: " + part, part, "\n\ndata: b\n\n"}, &broken),
            (Events{{"", "a"}}));
  EXPECT_TRUE(broken) << "in three pieces";
  EXPECT_EQ(read({": " + part + part + "\n\n"}, &broken), Events{});
  EXPECT_TRUE(broken) << "in one";
  EXPECT_EQ(read({"data: " + part + "\ndata: " + part + "\ndata: " + part + "\n\n"}, &broken),
            Events{});
  EXPECT_TRUE(broken) << "in lines that are short enough";
}

// As the standard says it (WHATWG HTML, 9.2.6), read from the text as a whole, for text in which no
// empty line can have been lost.
Events by_the_standard(std::string text) {
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  Events events;
  std::string name;
  std::string all;
  const auto dispatch = [&] {
    if (!all.empty()) events.emplace_back(name, all.substr(0, all.size() - 1));
    name.clear();
    all.clear();
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of("\r\n", at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + (text.compare(end, 2, "\r\n") == 0 ? 2 : 1);
    const std::size_t colon = line.find(':');
    const std::string field = line.substr(0, colon);
    std::string value = colon == std::string::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) value.erase(0, 1);
    if (line.empty()) dispatch();
    if (field == "data") all += value + '\n';
    if (field == "event") name = value;
  }
  dispatch();
  return events;
}

RC_GTEST_PROP(EventStream, IsWhatTheStandardSays, ()) {
  const auto word = rc::gen::element<std::string>(
      "data: a", "data:b", "data", "data:  ", "event: x\ndata: 1", ": c", ":", "id: 1", "\n", "\r",
      "\r\n", "\n", "\r\n\r\n", "\n\n", "\xc2\x85", "\xe2\x80\xa8", "\xef\xbb\xbf", "x");
  std::string text;
  for (const std::string& each : *rc::gen::container<std::vector<std::string>>(word)) {
    // An event: line after data is a lost empty line, which the standard does not know.
    if (each.starts_with("event")) text += "\n\n";
    text += each;
  }
  RC_ASSERT(read(*any_split(text)) == by_the_standard(text));
}

RC_GTEST_PROP(EventStream, OfAnyTextIsTheSameInAnyPieces, ()) {
  const auto word = rc::gen::element<std::string>(
      "data: ", "data: {\"a\":\"", "\"}", "{", "}", "[DONE]", "event: x", "\n", "\r", "\n", "\n\n",
      "\r\n\r\n", "\"", "\\", "data: {}", "data: {}\n", ":", " ", "\xef\xbb\xbf", "\xf0\x9f");
  std::string text;
  for (const std::string& each : *rc::gen::container<std::vector<std::string>>(word)) text += each;
  const Events expected = read(whole(text));
  RC_ASSERT(read(*any_split(text)) == expected);
  RC_ASSERT(read(single_bytes(text)) == expected);
}

}  // namespace
}  // namespace tokenlift::event_stream_test
