#include "reports/page/audit_page.hpp"

#include "reports/findings/audit_words.hpp"

namespace tokenlift {

Page audit_page(const Audit& audit) {
  Page page;
  page.summary.title = audit.scenario + ", audited";
  page.window_title = page.summary.title;
  page.summary.facts = {"what " + audit.client + " saw against what was served"};
  page.summary.verdict = audit_verdict(audit);
  page.summary.tone = audit.agrees() ? Tone::plain : Tone::bad;
  page.summary.remarks = audit.sentences;
  Section section{"Figures", {}, Place::open, true, {}};
  add_block(section.blocks, {audit_figures_table(audit)});
  add_block(section.blocks, {audit_delays_table(audit)});
  add_section(page.sections, std::move(section));
  return page;
}

}  // namespace tokenlift
