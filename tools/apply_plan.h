// SPDX-License-Identifier: Apache-2.0
// The difference between what a file says and what is there, as steps.
//
// Pure. Invariant: once its steps are done, the plan for the same file is empty. Members that the
// file does not name are left as they are; a value that the daemon hides counts as the same.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/json_value.h"
#include "tools/manifest.h"
#include "tools/request.h"

namespace headrace::tools {

enum class Action : std::uint8_t { kCreate, kChange, kDelete };

struct Difference {
  std::string member;  // "envs.prd.method"
  std::string before;
  std::string after;
};

struct Step {
  Action action = Action::kCreate;
  std::string name;                     // "event github/repo:opened"
  std::vector<Difference> differences;  // of kChange
  Request request;                      // without its body
  Json body;                            // null: none; its parts know their places in the file
};

// In an order in which each step finds what it needs. `live`: everything in the apps and products
// that the file is in charge of, as the API shows it. `prune`: what is there and not in the file
// goes.
std::vector<Step> make_plan(const Manifest& manifest, const std::vector<Resource>& live,
                            bool prune);

// "~ event github/repo:opened" and a line for each difference.
std::string to_text(const Step& step, bool with_colour);

}  // namespace headrace::tools
