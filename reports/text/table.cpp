#include "reports/text/table.hpp"

#include "reports/text/figure.hpp"

namespace tokenlift {

Table shortened(Table table, std::size_t rows) {
  if (table.rows.size() <= table.head_rows + rows) return table;
  const std::size_t more = table.rows.size() - table.head_rows - rows;
  table.rows.resize(table.head_rows + rows);
  table.notes.push_back(
      whole_figure(more) + (more == 1 ? " more is" : " more are") +
      (table.rest_is_in.empty() ? " left out." : " in " + table.rest_is_in + "."));
  return table;
}

}  // namespace tokenlift
