// SPDX-License-Identifier: Apache-2.0
#include "store/log_erasure.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "store/log_segment.h"

namespace headrace::store {

namespace {

Result<void> write_gap(File& file, std::uint64_t salt, const ErasedRecord& record,
                       std::vector<char>& gap) {
  const std::uint64_t offset = offset_of(record.position);
  gap.assign(record.length, '\0');
  encode_gap(record.length, record.synced_through, record_seed(salt, offset), gap.data());
  std::array<iovec, 1> parts{{{gap.data(), gap.size()}}};
  return file.write(parts, offset);
}

// All of `records` lie in one segment.
Result<void> erase_in_segment(FileSystem& files, const std::string& directory,
                              std::span<const ErasedRecord> records) {
  const std::string path = directory + "/" + segment_name(segment_of(records.front().position));
  auto file = files.open(path, FileSystem::Mode::kChange);
  if (!file && file.error().code == ErrorCode::kNotFound) return {};
  if (!file) return std::move(file).error();
  std::array<char, kSegmentHeaderBytes> head{};
  auto got = (*file)->read(head.data(), head.size(), 0);
  if (!got) return std::move(got).error();
  const auto header = decode_segment_header({head.data(), *got});
  if (!header) return {};  // nothing in it can be read; the recovery will say so
  auto size = (*file)->size();
  if (!size) return std::move(size).error();
  std::vector<char> gap;
  for (const ErasedRecord& record : records) {
    if (record.length < kFrameBytes || offset_of(record.position) + record.length > *size) continue;
    if (auto written = write_gap(**file, header->salt, record, gap); !written) return written;
  }
  return (*file)->sync_data();
}

}  // namespace

Result<void> erase_records(FileSystem& files, const std::string& directory,
                           std::span<const ErasedRecord> records) {
  std::vector<ErasedRecord> sorted(records.begin(), records.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const ErasedRecord& a, const ErasedRecord& b) { return a.position < b.position; });
  for (std::size_t begin = 0, end = 0; begin < sorted.size(); begin = end) {
    const std::uint32_t number = segment_of(sorted[begin].position);
    while (end < sorted.size() && segment_of(sorted[end].position) == number) ++end;
    const std::span<const ErasedRecord> part(sorted.data() + begin, end - begin);
    if (auto erased = erase_in_segment(files, directory, part); !erased) return erased;
  }
  return {};
}

}  // namespace headrace::store
