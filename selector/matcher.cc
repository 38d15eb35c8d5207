// SPDX-License-Identifier: Apache-2.0
// Runs a program over a message: the fast reader first, the exact one where that gives up.
#include <algorithm>
#include <string>

#include "core/buffer.h"
#include "selector/dom_reader.h"
#include "selector/filter_evaluator.h"
#include "selector/findings.h"
#include "selector/form.h"
#include "selector/json_scan.h"
#include "selector/program.h"
#include "selector/program_code.h"
#include "selector/scan_walk.h"

namespace headrace::selector {

struct Matcher::Scratch {
  DomReader dom;
  ScanScratch scan;
  Findings findings;
  FilterEvaluator filters;
  std::string name;   // of a field or header, decoded or in lower case
  std::string value;  // of a field, decoded; with the padding that JSON needs
};

namespace {

std::string_view without_outer_space(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

bool looks_like_container(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

}  // namespace

// One run; lives on the stack.
struct Matcher::Run {
  const Program::Code& code;
  Scratch& scratch;

  // False: `fault` says why the text is not JSON, and nothing of it was found.
  bool read_json(std::string_view text, std::uint32_t root, JsonFault& fault) {
    const Findings::Position before = scratch.findings.position();
    if (scratch.dom.read(code, root, text, scratch.findings)) return true;
    scratch.findings.rollback(before);
    ScanWalk walk(code, root, scratch.scan, scratch.findings);
    JsonScanner<ScanWalk> scanner(text, walk);
    if (scanner.run()) return true;
    scratch.findings.rollback(before);
    fault = scanner.fault();
    return false;
  }

  // Parameters of a query, or fields of a form, which may hold JSON.
  void read_fields(std::string_view text, std::uint32_t root) {
    if (!code.nodes[root].has_children()) return;
    FormField field;
    while (next_form_field(text, field)) {
      const std::uint32_t node = code.child(root, form_decoded(field.name, scratch.name));
      if (node != kNoNode && scratch.findings.visit(node)) read_field(node, field.value);
    }
  }

  void read_field(std::uint32_t node, std::string_view encoded) {
    forget_if_large(scratch.value);
    scratch.value.clear();
    append_form_decoded(encoded, scratch.value);
    if (code.nodes[node].takes_scalar()) {
      scratch.findings.text(node, scratch.value, ValueKind::kUntyped);
    }
    if (code.nodes[node].has_children() && looks_like_container(scratch.value))
      read_json_field(node);
  }

  // A field that only looks like JSON is a field all the same: nothing is found in it.
  void read_json_field(std::uint32_t node) {
    const std::size_t size = scratch.value.size();
    scratch.value.append(core::BufferPool::kPadding, '\0');
    JsonFault ignored;
    read_json(std::string_view(scratch.value).substr(0, size), node, ignored);
  }

  void read_headers(std::string_view lines) {
    if (!code.nodes[kHeaderRoot].has_children()) return;
    while (!lines.empty()) {
      const std::string_view line = lines.substr(0, lines.find('\n'));
      lines.remove_prefix(std::min(line.size() + 1, lines.size()));
      const std::string_view name = line.substr(0, line.find(':'));
      if (name.size() != line.size() && code.nodes[kHeaderRoot].may_have_key(name)) {
        read_header(name, line.substr(name.size() + 1));
      }
    }
  }

  void read_header(std::string_view name, std::string_view value) {
    scratch.name.resize(name.size());
    std::transform(name.begin(), name.end(), scratch.name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    const std::uint32_t node = code.keys.find(kHeaderRoot, scratch.name);
    if (node != kNoNode && scratch.findings.visit(node))
      scratch.findings.text(node, without_outer_space(value), ValueKind::kUntyped);
  }
};

Matcher::Matcher() : scratch_(std::make_unique<Scratch>()) {}
Matcher::~Matcher() = default;

Match Matcher::run(const Program& program, const MessageView& message) noexcept {
  Match match;
  JsonFault fault;
  Run run{program.code(), *scratch_};
  scratch_->findings.begin(program.code());
  scratch_->filters.begin(program.code().filters, scratch_->findings);
  if (message.kind == BodyKind::kJson && !run.read_json(message.body, kBodyRoot, fault)) {
    match.valid = false;
    match.fault_offset = fault.offset;
    match.fault = fault.reason;
    return match;
  }
  if (message.kind == BodyKind::kForm) run.read_fields(message.body, kBodyRoot);
  run.read_headers(message.header_lines);
  run.read_fields(message.query, kQueryRoot);
  scratch_->findings.report(match);
  return match;
}

std::optional<std::string_view> Matcher::capture(std::size_t index) const noexcept {
  return scratch_->findings.captured(index);
}

bool Matcher::passes(core::EndpointNumber endpoint) const noexcept {
  return scratch_->filters.passes(endpoint);
}

std::string Matcher::why_not(core::EndpointNumber endpoint) const {
  return scratch_->filters.why_not(endpoint);
}

}  // namespace headrace::selector
