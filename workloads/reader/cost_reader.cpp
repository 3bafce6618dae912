#include "workloads/reader/cost_reader.hpp"

#include <array>
#include <string>
#include <string_view>

namespace tokenlift {

namespace {

constexpr auto kCostKeys = std::to_array<std::string_view>({"price", "electricity", "carbon"});

/// Needs to know how many accelerators a replica has.
void require_accelerators(TableReader& price, std::string_view key, const Profile* profile) {
  if (!price.has(key) || profile == nullptr || profile->accelerator) return;
  price.mistake(
      key,
      "profile " + in_quotes(profile->name) + " does not say how many accelerators a replica has",
      "add [profile." + profile->name + ".accelerator], or state per_month");
}

std::optional<Price> read_price(TableReader& site, const Profile* profile) {
  std::optional<TableReader> given = site.table("price", "price");
  if (!given) return std::nullopt;
  Price price;
  price.usd_per_month = given->number("per_month", 0, kMostUsdPerMonth);
  price.usd_per_accelerator_hour = given->number("per_accelerator_hour", 0, kMostUsdPerHour);
  const bool by_month = given->has("per_month");
  const bool by_hour = given->has("per_accelerator_hour");
  if (by_month == by_hour) {
    site.mistake(
        "price",
        by_month ? "the price is stated twice, per month and per accelerator-hour"
                 : "the price is not stated",
        "one of per_month = 1.25e9 (dollars for the whole site) and per_accelerator_hour = "
        "2.65");
  }
  assign(price.when_serving, given->flag("when_serving"));
  if (price.when_serving && by_month && !by_hour) {
    given->mistake("when_serving", "a price per month is paid whether a replica serves or not",
                   "remove it, or state per_accelerator_hour");
  }
  price.on_demand_usd_per_accelerator_hour = given->number("on_demand", 0, kMostUsdPerHour);
  if (price.on_demand_usd_per_accelerator_hour == 0) {
    given->mistake("on_demand", "nothing is compared with a price on demand of 0",
                   "remove it, or state what an accelerator costs on demand: on_demand = 2.95");
  }
  if (price.when_serving && price.on_demand_usd_per_accelerator_hour) {
    given->mistake("on_demand", "the site is paid on demand already (when_serving)",
                   "remove it: a contract is compared with it");
  }
  require_accelerators(*given, "per_accelerator_hour", profile);
  require_accelerators(*given, "on_demand", profile);
  given->finish();
  return price;
}

/// What goes by the energy that a site draws.
void require_energy(TableReader& site, std::string_view key) {
  if (!site.has(key) || site.has("power")) return;
  site.mistake(key,
               in_quotes(key) + " goes by the energy that the site draws, of which nothing is said",
               "add power = { pue = 1.15 } to the site; its profile needs [accelerator.power]");
}

}  // namespace

std::optional<SiteCost> read_cost(TableReader& site, std::optional<Engine> engine,
                                  const Profile* profile) {
  if (engine && !traits_of(*engine).simulated) {
    refuse_cost(site, *engine);
    return std::nullopt;
  }
  SiteCost cost;
  cost.price = read_price(site, profile);
  cost.electricity_usd_per_kwh = site.number("electricity", 0, kMostUsdPerKwh);
  cost.carbon_g_per_kwh = site.number("carbon", 0, kMostGramsPerKwh);
  require_energy(site, "electricity");
  require_energy(site, "carbon");
  if (cost == SiteCost{}) return std::nullopt;
  return cost;
}

void refuse_cost(TableReader& site, Engine engine) {
  site.refuse_on(engine, "simulates neither energy nor money", kCostKeys,
                 "remove it, or set run.engine = \"virtual\"");
}

}  // namespace tokenlift
