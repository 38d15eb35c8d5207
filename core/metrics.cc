// SPDX-License-Identifier: Apache-2.0
#include "core/metrics.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

namespace headrace::core {
namespace {

// In a HELP line a backslash and a line feed are escaped, and nothing else.
void append_help(std::string& text, std::string_view help) {
  for (const char c : help) {
    if (c == '\\') {
      text += "\\\\";
    } else if (c == '\n') {
      text += "\\n";
    } else {
      text += c;
    }
  }
}

void append_heading(std::string& text, const std::string& name, const std::string& help,
                    MetricKind kind) {
  text.append("# HELP ").append(name).append(" ");
  append_help(text, help);
  text.append("\n# TYPE ").append(name);
  text.append(kind == MetricKind::kCounter ? " counter\n" : " gauge\n");
}

void append_sample(std::string& text, const std::string& name, const std::string& labels,
                   std::uint64_t value) {
  text += name;
  if (!labels.empty()) text.append("{").append(labels).append("}");
  text.append(" ").append(std::to_string(value)).append("\n");
}

}  // namespace

void MetricsRegistry::add(MetricKind kind, std::string name, std::string help, std::string labels,
                          const Counter* counter) {
  const std::lock_guard lock(mutex_);
  Entry entry{kind, std::move(name), std::move(help), std::move(labels), counter};
  const auto key = [](const Entry& e) { return std::tie(e.name, e.labels); };
  const auto place =
      std::upper_bound(entries_.begin(), entries_.end(), entry,
                       [key](const Entry& a, const Entry& b) { return key(a) < key(b); });
  entries_.insert(place, std::move(entry));
}

void MetricsRegistry::remove(const Counter* counter) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [counter](const Entry& entry) { return entry.counter == counter; });
}

std::string MetricsRegistry::prometheus() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (std::size_t i = 0; i < entries_.size();) {
    const Entry& first = entries_[i];
    if (i == 0 || entries_[i - 1].name != first.name)
      append_heading(text, first.name, first.help, first.kind);
    std::uint64_t sum = 0;
    for (; i < entries_.size() && entries_[i].name == first.name &&
           entries_[i].labels == first.labels;
         ++i) {
      sum += entries_[i].counter->value();
    }
    append_sample(text, first.name, first.labels, sum);
  }
  return text;
}

}  // namespace headrace::core
