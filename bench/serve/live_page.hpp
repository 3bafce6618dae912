#pragma once
// The live page, built in: live_page.html, live_page.css and live_page.js.

#include <string_view>

namespace tokenlift {

extern const std::string_view kLivePage;
extern const std::string_view kLiveStyle;
extern const std::string_view kLiveScript;

}  // namespace tokenlift
