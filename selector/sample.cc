// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <utility>

#include "selector/findings.h"
#include "selector/json_scan.h"
#include "selector/program.h"
#include "selector/program_code.h"
#include "selector/scan_walk.h"

namespace headrace::selector {
namespace {

SampleValue sample_value(const FoundValue& found) {
  switch (found.kind) {
    case ValueKind::kMissing:
      return {};
    case ValueKind::kObject:
    case ValueKind::kArray:
      return {SampleValue::Kind::kContainer, {}};
    default:
      return {SampleValue::Kind::kScalar, std::string(found.text)};
  }
}

}  // namespace

Result<SampleValue> look_up_in_sample(const Selector& selector, std::string_view json) {
  // A filter notes whatever stands at its path.
  const FilterRule watch{{}, std::make_shared<const Filter>(Filter::exists(selector))};
  auto program = Program::compile({}, {}, std::span(&watch, 1));
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
  return sample_value(findings.value(0));
}

Result<std::optional<std::string>> value_in_sample(const Selector& selector,
                                                   std::string_view json) {
  auto value = look_up_in_sample(selector, json);
  if (!value) return std::move(value).error();
  if (value->kind != SampleValue::Kind::kScalar) return std::optional<std::string>{};
  return std::optional<std::string>(std::move(value->text));
}

}  // namespace headrace::selector
