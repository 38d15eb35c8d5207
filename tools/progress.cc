// SPDX-License-Identifier: Apache-2.0
#include "tools/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "tools/output.h"

namespace headrace::tools {
namespace {

constexpr std::size_t kBarMax = 30;
constexpr std::size_t kBarMin = 5;  // a shorter one says nothing

std::optional<std::uint64_t> number_at(const Json& json, std::string_view name) {
  const Json* member = json.find(name);
  if (member == nullptr || member->kind != Json::Kind::kNumber) return std::nullopt;
  std::uint64_t number = 0;
  const char* const end = member->text.data() + member->text.size();
  const auto read = std::from_chars(member->text.data(), end, number);
  if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  return number;
}

// What was counted first may be less than what is found later: never more than all of it.
std::uint64_t done_of(const JobProgress& progress, std::uint64_t total) {
  return std::min(progress.matched, total);
}

std::string bar(std::uint64_t done, std::uint64_t total, std::size_t width) {
  const auto share = static_cast<double>(done) / static_cast<double>(total);
  const auto full = static_cast<std::size_t>(share * static_cast<double>(width));
  return '[' + std::string(full, '#') + std::string(width - full, '.') + "] ";
}

std::string figures(const JobProgress& progress, std::uint64_t total) {
  const std::uint64_t done = done_of(progress, total);
  // Not as done * 100 / total: that may not fit.
  const auto percent =
      static_cast<unsigned>(static_cast<double>(done) * 100.0 / static_cast<double>(total));
  std::string text = fmt::format("{} %, {} of {}", percent, done, total);
  if (progress.failed > 0) text += fmt::format(", {} failed", progress.failed);
  if (progress.status != "running" || progress.per_second == 0) return text;
  const std::uint64_t rest = total - done;
  const std::uint64_t left = rest / progress.per_second + (rest % progress.per_second == 0 ? 0 : 1);
  return text + fmt::format(", {}/s, {} left", progress.per_second, span_text(left));
}

std::string cut(std::string text, std::size_t width) {
  if (text.size() > width) text.resize(width);
  return text;
}

}  // namespace

bool JobProgress::is_over() const noexcept {
  return status == "done" || status == "cancelled" || status == "failed";
}

Result<JobProgress> progress_of(const Json& job) {
  JobProgress progress;
  progress.status = harmless(job.text_at("status"));
  const auto matched = number_at(job, "matched");
  if (progress.status.empty() || !matched)
    return Error{ErrorCode::kProtocol, "the answer is not a job"};
  progress.matched = *matched;
  progress.total = number_at(job, "total");
  progress.scanned = number_at(job, "scanned").value_or(0);
  progress.failed = number_at(job, "failed").value_or(0);
  progress.per_second = number_at(job, "per_second").value_or(0);
  return progress;
}

std::string progress_line(const JobProgress& progress, std::size_t width) {
  std::string text = progress.status + ' ';
  if (!progress.total) {
    return cut(text + fmt::format("{} found, {} looked at", progress.matched, progress.scanned),
               width);
  }
  if (*progress.total == 0) return cut(text + "nothing to do", width);
  const std::string rest = figures(progress, *progress.total);
  const std::size_t taken = text.size() + rest.size() + 3;  // brackets and a space
  const std::size_t room = std::min(width > taken ? width - taken : 0, kBarMax);
  if (room >= kBarMin) text += bar(done_of(progress, *progress.total), *progress.total, room);
  return cut(text + rest, width);
}

std::string span_text(std::uint64_t seconds) {
  constexpr std::uint64_t kMinute = 60;
  constexpr std::uint64_t kHour = 60 * kMinute;
  constexpr std::uint64_t kDay = 24 * kHour;
  if (seconds >= kDay) return fmt::format("{}d {}h", seconds / kDay, seconds % kDay / kHour);
  if (seconds >= kHour) return fmt::format("{}h {}m", seconds / kHour, seconds % kHour / kMinute);
  if (seconds >= kMinute) return fmt::format("{}m {}s", seconds / kMinute, seconds % kMinute);
  return fmt::format("{}s", seconds);
}

}  // namespace headrace::tools
