#include "reports/formats/page_format.hpp"

#include "reports/formats/page_html.hpp"
#include "reports/formats/page_markdown.hpp"
#include "reports/formats/page_text.hpp"

namespace tokenlift {

std::string in_format(const Page& page, std::string_view format, const TextStyle& style) {
  if (format == "html") return to_html(page);
  if (format == "markdown") return to_markdown(page);
  return to_text(page, style);
}

}  // namespace tokenlift
