// SPDX-License-Identifier: Apache-2.0
// The house rules that a machine can check. Each takes files and answers with its complaints.
//
// Every rule is pure, so rules_test.cc can show that each is able to fail; tree_test.cc applies
// them to the tree itself.
#pragma once

#include <string>
#include <vector>

#include "tests/tidy/source_text.h"

namespace headrace::tidy {

using Files = std::vector<SourceFile>;
using Complaints = std::vector<std::string>;  // "path:line: what is wrong", one each

// Which folder may include which: the arrows of docs/architecture.md.
Complaints check_arrows(const SourceFile& file);

// Public headers see the standard library and each other, nothing else.
Complaints check_public_header(const SourceFile& file);

// Sources, scripts and CMake files carry one licence line, at the top; those of others, in a folder
// `vendored`, have their own.
Complaints check_licence_line(const SourceFile& file);

// A ratchet far above what we aim at: 600 lines for a source or script, 330 for a header.
Complaints check_size(const SourceFile& file);

// Calls that have no place in an engine (printing, ending the process, sleeping, unseeded
// randomness, the wall clock, unbounded copies), and in tests those that make them slow or random.
Complaints check_banned_calls(const SourceFile& file);

// RocksDB is known to store/ alone, and to its own tests and bench.
Complaints check_rocksdb(const SourceFile& file);

// No path of one machine, no address of a package registry, no note of work that is left.
Complaints check_text(const SourceFile& file);

// Every source is named in the CMakeLists.txt of its folder, so nothing is there that is not built.
Complaints check_everything_is_built(const Files& files);

// The [npm] section of tools/packages.txt says what tests/package.json says.
Complaints check_npm_list(const Files& files);

}  // namespace headrace::tidy
