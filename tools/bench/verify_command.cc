// SPDX-License-Identifier: Apache-2.0
// headrace bench verify DIR…: what became of each message, by the ledgers in those directories.
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tools/bench/bench_command.h"
#include "tools/bench/verify.h"
#include "tools/exit_code.h"
#include "tools/run_command.h"

namespace headrace::tools {
namespace {

using bench_tools::Finding;
using bench_tools::Ledger;
using bench_tools::LedgerKind;
using bench_tools::LedgerView;
using bench_tools::VerifyOptions;
using bench_tools::VerifyReport;

struct VerifyFlags {
  std::vector<std::string> paths;
  VerifyOptions options;
  bool no_duplicates = false;
  bool json = false;
};

Json strings(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.items.push_back(Json::string(text));
  return list;
}

Json examples_of(const VerifyReport& report) {
  Json examples = Json::object();
  const auto add = [&examples](std::string_view name, const Finding& finding) {
    if (finding.examples.empty()) return;
    std::vector<std::string> texts;
    for (const bench_tools::MessageId id : finding.examples) texts.push_back(to_string(id));
    examples.set(name, strings(texts));
  };
  add("lost", report.lost);
  add("undelivered", report.undelivered);
  add("duplicated", report.duplicated);
  add("altered", report.altered);
  add("unaccepted", report.unaccepted);
  add("bad_signatures", report.bad_signatures);
  add("inversions", report.inversions);
  return examples;
}

}  // namespace

Json verify_json(const VerifyReport& report, const VerifyOptions& options) {
  Json json = Json::object();
  std::vector<std::string> breaches;
  for (const std::string_view name : report.breaches(options)) breaches.emplace_back(name);
  json.set("ok", Json::boolean(breaches.empty()));
  json.set("breaches", strings(breaches));
  const std::pair<std::string_view, std::uint64_t> counts[] = {
      {"accepted", report.accepted},
      {"delivered", report.delivered},
      {"lost", report.lost.count},
      {"lost_deliveries", report.lost_deliveries},
      {"undelivered", report.undelivered.count},
      {"duplicated", report.duplicated.count},
      {"altered", report.altered.count},
      {"unaccepted", report.unaccepted.count},
      {"bad_signatures", report.bad_signatures.count},
      {"unidentified", report.unidentified},
      {"inversions", report.inversions.count},
      {"inverted_lanes", report.inverted_lanes},
      {"refused", report.refused},
      {"unknown", report.unknown},
      {"unknown_delivered", report.unknown_delivered},
      {"more_endpoints", report.more_endpoints},
      {"received", report.received},
      {"deliveries", report.deliveries},
      {"ledgers", report.ledgers},
      {"unclosed_ledgers", report.unclosed_ledgers},
      {"ledger_bytes_cut", report.bytes_cut},
  };
  for (const auto& [name, count] : counts) set_number(json, name, count);
  // What goes to no endpoint is not delivered by that, and not lost either.
  if (options.endpoints_per_message == 0) json.set("delivered", Json());
  json.set("from_due", summary_in_us(report.from_due));
  json.set("from_accepted", summary_in_us(report.from_accepted));
  json.set("examples", examples_of(report));
  return json;
}

namespace {

int run_verify(const VerifyFlags& flags) {
  std::vector<Ledger> ledgers;
  for (const std::string& path : flags.paths) {
    auto opened = bench_tools::open_ledgers(path);
    if (!opened) return fail(kConfiguration, opened.error().what);
    std::move(opened->begin(), opened->end(), std::back_inserter(ledgers));
  }
  std::vector<LedgerView> views;
  bool has_load = false;
  for (const Ledger& ledger : ledgers) {
    views.push_back(bench_tools::view_of(ledger));
    has_load |= views.back().kind == LedgerKind::kLoad;
  }
  // Without it nothing could be lost, and all would look well.
  if (!has_load) return fail(kConfiguration, "none of these ledgers is of a load");
  VerifyOptions options = flags.options;
  options.allow_duplicates = !flags.no_duplicates;
  const VerifyReport report = verify(views, options);
  show(verify_json(report, options), flags.json);
  return report.breaches(options).empty() ? kOk : kBreach;
}

}  // namespace

void add_verify_command(BenchCommands& commands) {
  const auto flags = std::make_shared<VerifyFlags>();
  CLI::App& command =
      commands.add("verify", "say what was lost, duplicated, altered or never accepted",
                   [flags] { return run_verify(*flags); });
  command.add_option("DIR", flags->paths, "directories of the ledgers of load and sink")
      ->required();
  command
      .add_option("--endpoints-per-message", flags->options.endpoints_per_message,
                  "how many endpoints each message goes to")
      ->check(CLI::PositiveNumber)
      ->type_name("NUMBER");
  command.add_flag("--no-duplicates", flags->no_duplicates, "a duplicate is a breach as well");
  command.add_flag("--allow-undelivered", flags->options.allow_undelivered,
                   "what endpoints received and never answered 2xx is not lost");
  command.add_flag("--json", flags->json, "as one JSON object");
  command.footer("Exit code 7: something is not as it must be.");
}

}  // namespace headrace::tools
