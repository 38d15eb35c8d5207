// SPDX-License-Identifier: Apache-2.0
// The shapes of what the API takes and shows: JSON Schema (2020-12) texts, by name.
//
// Request bodies are held against these same texts, so what the document says is what happens.
// `format` is for readers; patterns have bounds, as the validator's matching recurses.
#pragma once

#include <string>
#include <vector>

namespace headrace::api {

struct Component {
  std::string name;
  std::string json;
};

// All of them, in order of the names' concepts.
const std::vector<Component>& components();

// Each file's part.
void add_common_schemas(std::vector<Component>& to);
void add_app_schemas(std::vector<Component>& to);
void add_product_schemas(std::vector<Component>& to);
void add_history_schemas(std::vector<Component>& to);
void add_job_schemas(std::vector<Component>& to);

}  // namespace headrace::api
