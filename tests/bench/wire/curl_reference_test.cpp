// Bodies as libcurl reads them, which nobody here has written.

#include <curl/curl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <rapidcheck/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "bench/wire/body.hpp"
#include "bench/wire/response_head.hpp"
#include "tests/bench/wire/splits.hpp"

namespace tokenlift::curl_reference_test {
namespace {

struct Fetched {
  bool complete = false;
  long status = 0;
  std::string data;
  bool operator==(const Fetched&) const = default;
};

std::size_t take_data(char* bytes, std::size_t, std::size_t size, void* data) {
  static_cast<std::string*>(data)->append(bytes, size);
  return size;
}

/// Answers one request after the other on 127.0.0.1 with bytes that are given, and then closes.
class OneAnswer {
 public:
  OneAnswer() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    auto* address = reinterpret_cast<sockaddr*>(&address_);
    EXPECT_EQ(bind(listener_, address, size), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    EXPECT_EQ(getsockname(listener_, address, &size), 0);
  }
  ~OneAnswer() { close(listener_); }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(ntohs(address_.sin_port)); }

  void answer(const std::string& response) const {
    const int client = accept(listener_, nullptr, nullptr);
    std::array<char, 4096> bytes{};
    std::string request;
    while (request.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = read(client, bytes.data(), bytes.size());
      if (got <= 0) break;
      request.append(bytes.data(), static_cast<std::size_t>(got));
    }
    const ssize_t sent = write(client, response.data(), response.size());
    EXPECT_EQ(sent, static_cast<ssize_t>(response.size()));
    shutdown(client, SHUT_WR);
    while (read(client, bytes.data(), bytes.size()) > 0) continue;  // closed too early, it resets
    close(client);
  }

 private:
  int listener_;
  sockaddr_in address_{};
};

Fetched by_curl(const std::string& response) {
  static const OneAnswer server;
  const std::jthread answering([&response] { server.answer(response); });
  Fetched fetched;
  CURL* curl = curl_easy_init();
  curl_easy_setopt(curl, CURLOPT_URL, server.url().c_str());
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &take_data);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &fetched.data);
  fetched.complete = curl_easy_perform(curl) == CURLE_OK;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &fetched.status);
  curl_easy_cleanup(curl);  // closes the connection, which the answer waits for
  return fetched;
}

Fetched by_us(const Pieces& pieces) {
  ResponseHead head;
  ResponseHead::State head_state = ResponseHead::State::more;
  Body body;
  Body::State state = Body::State::more;
  Fetched fetched;
  read_pieces(pieces, [&](std::string_view bytes) {
    if (head_state == ResponseHead::State::more) {
      head_state = head.feed(bytes);
      if (head_state == ResponseHead::State::done) {
        fetched.status = head.status();
        body = Body(head.framing(), head.content_length());
      }
    }
    std::string_view data;
    while (head_state == ResponseHead::State::done && !bytes.empty() &&
           state == Body::State::more) {
      state = body.feed(bytes, data);
      fetched.data += data;
    }
  });
  fetched.complete = head_state == ResponseHead::State::done && body.close() == Body::State::done;
  return fetched;
}

std::string head(const std::string& fields) {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + fields + "\r\n";
}

const std::string kChunkedHead = head("Transfer-Encoding: chunked\r\n");

rc::Gen<std::string> any_content() {
  return rc::gen::container<std::string>(
      rc::gen::element('\r', '\n', '0', 'a', ';', ':', '{', '\0', '\xff'));
}

/// In chunks, with what may stand beside their sizes, and with trailers.
std::string in_chunks(const std::vector<std::string>& chunks) {
  const auto extension = rc::gen::element<std::string>("", "", ";x", ";name=\"va;lue\"", " ");
  std::string text;
  for (const std::string& chunk : chunks) {
    std::array<char, 32> size{};
    std::snprintf(size.data(), size.size(), *rc::gen::element("%zx", "%zX", "%04zx"), chunk.size());
    text += size.data() + *extension + "\r\n" + chunk + "\r\n";
  }
  return text + "0\r\n" + *rc::gen::element<std::string>("", "A: b\r\n", "A: b\r\nC: d\r\n") +
         "\r\n";
}

RC_GTEST_PROP(CurlReference, ReadsTheSameFromChunks, ()) {
  const auto chunks =
      *rc::gen::container<std::vector<std::string>>(rc::gen::nonEmpty(any_content()));
  std::string content;
  for (const std::string& chunk : chunks) content += chunk;
  const std::string response = kChunkedHead + in_chunks(chunks);
  const Fetched expected = by_curl(response);
  RC_ASSERT(expected.complete);
  RC_ASSERT(expected.data == content);
  RC_ASSERT(by_us(*any_split(response)) == expected);
}

RC_GTEST_PROP(CurlReference, ReadsTheSameFromAResponseThatIsCut, ()) {
  const std::string content = *any_content();
  const std::string length = "Content-Length: " + std::to_string(content.size()) + "\r\n";
  const std::string response =
      *rc::gen::element(kChunkedHead + in_chunks({"x" + content, "y"}), head(length) + content,
                        head("") + content, head("Connection: close\r\n") + content);
  const auto size = *rc::gen::inRange<std::size_t>(kChunkedHead.size(), response.size() + 1);
  RC_PRE(size + 1 != response.size());  // curl does not wait for the very last LF
  const std::string cut = response.substr(0, size);
  const Fetched expected = by_curl(cut);
  RC_ASSERT(by_us(*any_split(cut)) == expected);
}

// curl is more forgiving in what it takes for the size of a chunk.
RC_GTEST_PROP(CurlReference, CompletesWhatIsCompleteHere, ()) {
  std::string body = in_chunks({"abc", "{}", *any_content() + "x"});
  const auto at = *rc::gen::inRange<std::size_t>(0, body.size());
  const std::string spoilt = *rc::gen::element<std::string>("\r\n", "\n", "x", "0", " ", ";", ":");
  body.replace(at, *rc::gen::inRange<std::size_t>(0, 3), spoilt);
  const Fetched ours = by_us(*any_split(kChunkedHead + body));
  if (ours.complete) RC_ASSERT(by_curl(kChunkedHead + body) == ours);
}

TEST(CurlReference, ReadsInformationalResponsesAndBodiesThatAreNone) {
  for (const std::string& response :
       {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + kChunkedHead +
            "1\r\na\r\n0\r\n\r\n",
        std::string("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"),
        std::string("HTTP/1.1 304 Not Modified\r\n\r\n"),
        std::string("HTTP/1.0 503 Busy\r\n\r\nno"), head("Content-Length: 0\r\n")}) {
    const Fetched expected = by_curl(response);
    EXPECT_TRUE(expected.complete) << response;
    for (const Pieces& pieces : splits(response)) EXPECT_EQ(by_us(pieces), expected) << response;
  }
}

}  // namespace
}  // namespace tokenlift::curl_reference_test
