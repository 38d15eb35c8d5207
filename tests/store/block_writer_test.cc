// SPDX-License-Identifier: Apache-2.0
#include "store/block_writer.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cerrno>
#include <string>

#include "tests/support/faulty_file_system.h"

namespace headrace::store {
namespace {

using testing::FaultyFileSystem;

constexpr std::uint64_t kFileBytes = std::uint64_t{4} << 20;
constexpr std::string_view kBeginning = "what was there before";

class BlockWriterRig {
 public:
  BlockWriterRig() {
    auto file = files.open("/f", FileSystem::Mode::kCreate);
    file_ = std::move(*file);
    (void)file_->preallocate(kFileBytes);
    iovec part{const_cast<char*>(kBeginning.data()), kBeginning.size()};
    (void)file_->write({&part, 1}, 0);
    writer.start(*file_, kBeginning);
  }
  std::string content(std::size_t bytes) const { return files.content("/f").substr(0, bytes); }

  FaultyFileSystem files;
  BlockWriter writer;

 private:
  std::unique_ptr<File> file_;
};

// Sizes around the block and the buffer, where the edges are.
std::size_t any_size() {
  const auto near = *rc::gen::element<std::size_t>(0, 1, 100, 4096, 8192, 512 * 1024);
  return near + *rc::gen::inRange<std::size_t>(0, 3000);
}

RC_GTEST_PROP(BlockWriterTest, FileHoldsExactlyTheBatchesThatSucceeded, ()) {
  BlockWriterRig rig;
  std::string expected(kBeginning);
  const int batches = *rc::gen::inRange(1, 8);
  for (int batch = 0; batch < batches; ++batch) {
    const bool fails = *rc::gen::inRange(0, 4) == 0;
    if (fails) rig.files.fail(FaultyFileSystem::Operation::kWrite, 1, ENOSPC);
    std::string written;
    rig.writer.begin();
    for (int i = *rc::gen::inRange(0, 3); i >= 0 && written.size() < kFileBytes / 16; --i) {
      const std::string piece(any_size(), static_cast<char>('a' + (batch + i) % 26));
      rig.writer.put(piece);
      written += piece;
    }
    const auto finished = rig.writer.finish();
    rig.files.fail(FaultyFileSystem::Operation::kWrite, 0, 0);
    if (finished) expected += written;
    RC_ASSERT(rig.content(expected.size()) == expected);  // whatever a failed one left behind it
  }
  rig.writer.begin();
  rig.writer.put("end");
  RC_ASSERT(rig.writer.finish().has_value());
  expected += "end";
  RC_ASSERT(rig.content(expected.size()) == expected);
  // The rest of the last block is zero, so that nothing there can pass for a record.
  const std::string after = rig.files.content("/f").substr(expected.size(), 1);
  RC_ASSERT(expected.size() % BlockWriter::kBlockBytes == 0 || after[0] == '\0');
}

TEST(BlockWriterTest, EveryWriteIsOfWholeBlocksAtWholeBlocks) {
  struct Checked final : File {
    Result<void> preallocate(std::uint64_t) override { return {}; }
    Result<void> write(std::span<iovec> parts, std::uint64_t offset) override {
      for (const iovec& part : parts) {
        const auto address = reinterpret_cast<std::uintptr_t>(part.iov_base);
        EXPECT_EQ((address | part.iov_len | offset) % BlockWriter::kBlockBytes, 0u);
        EXPECT_NE(part.iov_len, 0u);
      }
      ++writes;
      return {};
    }
    Result<std::size_t> read(char*, std::size_t, std::uint64_t) const override {
      return std::size_t{0};
    }
    Result<void> sync_data() override { return {}; }
    Result<void> truncate(std::uint64_t) override { return {}; }
    Result<std::uint64_t> size() const override { return std::uint64_t{0}; }
    int writes = 0;
  };
  Checked file;
  BlockWriter writer;
  writer.start(file, kBeginning);
  for (const std::size_t size : {1u, 4000u, 5000u, 524'288u, 1'000'000u, 4096u}) {
    writer.begin();
    writer.put(std::string(size, 'x'));
    EXPECT_TRUE(writer.finish());
  }
  EXPECT_GT(file.writes, 6);
}

}  // namespace
}  // namespace headrace::store
