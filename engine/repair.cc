// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "core/log.h"
#include "headrace/engine.h"
#include "store/rocks_store.h"

namespace headrace {

Result<std::string> repair(const std::string& data_directory) {
  core::NullLogSink log;
  auto report = store::RocksStore::repair({.directory = data_directory}, log);
  if (!report) return std::move(report).error();
  if (report->lost.empty()) return std::string("the message log is intact");
  std::string text;
  for (const store::LostRange& lost : report->lost) {
    text += fmt::format("segment {}, bytes {} to {}{}: {} messages and {} outcomes lost\n",
                        lost.segment, lost.from, lost.to,
                        lost.whole_segment ? " (the whole segment)" : "", lost.messages.size(),
                        lost.outcomes);
    for (const MessageId id : lost.messages) text += "  " + id.to_string() + "\n";
  }
  text.pop_back();
  return text;
}

}  // namespace headrace
