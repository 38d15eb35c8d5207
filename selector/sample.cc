// SPDX-License-Identifier: Apache-2.0
#include "selector/findings.h"
#include "selector/json_scan.h"
#include "selector/program.h"
#include "selector/program_code.h"
#include "selector/scan_walk.h"

namespace headrace::selector {

Result<std::optional<std::string>> value_in_sample(const Selector& selector,
                                                   std::string_view json) {
  auto program = Program::compile({}, std::span(&selector, 1));
  if (!program) return std::move(program).error();
  Findings findings;
  ScanScratch scratch;
  findings.begin(program->code());
  ScanWalk walk(program->code(), kBodyRoot, scratch, findings);
  JsonScanner<ScanWalk> scanner(json, walk);
  if (!scanner.run()) {
    return Error{ErrorCode::kMalformed, scanner.fault().reason,
                 static_cast<std::int64_t>(scanner.fault().offset)};
  }
  const auto captured = findings.captured(0);
  if (!captured) return std::optional<std::string>{};
  return std::optional<std::string>(std::string(*captured));
}

}  // namespace headrace::selector
