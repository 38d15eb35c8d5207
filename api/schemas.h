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
void add_delivery_schemas(std::vector<Component>& to);
void add_history_schemas(std::vector<Component>& to);
void add_job_schemas(std::vector<Component>& to);
void add_audit_schemas(std::vector<Component>& to);
void add_secret_schemas(std::vector<Component>& to);

// The members of an endpoint that say how deliveries are made, and their names as they are always
// shown: parts of JSON objects and arrays.
std::string delivery_members();
std::string delivery_names();

}  // namespace headrace::api
