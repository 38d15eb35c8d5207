// SPDX-License-Identifier: Apache-2.0
#include "tools/completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <sstream>
#include <vector>

namespace headrace::tools {
namespace {

struct Word {
  std::string text;
  std::string help;
};

struct ValueFlag {
  std::string name;
  bool is_file = false;
  std::string choices;  // with spaces between; empty: nothing is known
};

// What can follow the words of one command.
struct Node {
  std::string path;  // "/webhook/create"
  std::vector<Word> words;
  std::vector<ValueFlag> flags;
  bool takes_file = false;  // as an argument
};

std::vector<std::string> split_words(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), {}};
}

// The choices of a type like "json|raw"; what is in capitals is a placeholder, not a choice.
std::string choices_of(const std::string& type) {
  if (type.find('|') == std::string::npos) return {};
  std::string choices;
  for (std::size_t at = 0; at <= type.size();) {
    const std::size_t end = std::min(type.find('|', at), type.size());
    const std::string choice = type.substr(at, end - at);
    if (std::islower(static_cast<unsigned char>(choice.front())) != 0)
      choices += (choices.empty() ? "" : " ") + choice;
    at = end + 1;
  }
  return choices;
}

void add_argument(Node& node, const std::string& type) {
  node.takes_file = node.takes_file || type == "FILE";
  for (const std::string& choice : split_words(choices_of(type)))
    node.words.push_back({choice, ""});
}

void add_option(Node& node, const CLI::Option& option) {
  const std::string type = option.get_type_name();
  if (option.get_positional()) add_argument(node, type);
  for (const std::string& name : option.get_lnames())
    node.words.push_back({"--" + name, option.get_description()});
  if (option.get_items_expected_max() == 0) return;  // a switch has no value
  for (const std::string& name : option.get_lnames())
    node.flags.push_back({"--" + name, type == "FILE", choices_of(type)});
  for (const std::string& name : option.get_snames())
    node.flags.push_back({"-" + name, type == "FILE", choices_of(type)});
}

void collect(const CLI::App& app, const std::string& path, std::vector<Node>& nodes) {
  Node node{path, {}, {}, false};
  const auto subcommands = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* each : subcommands)
    node.words.push_back({each->get_name(), each->get_description()});
  for (const CLI::Option* option : app.get_options()) add_option(node, *option);
  nodes.push_back(std::move(node));
  for (const CLI::App* each : subcommands) collect(*each, path + '/' + each->get_name(), nodes);
}

std::string in_quotes(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + '\'';
}

// case branches that say, by command and flag, what the flag's value can be.
std::string value_branches(const std::vector<Node>& nodes) {
  std::string text;
  for (const Node& node : nodes) {
    for (const ValueFlag& flag : node.flags) {
      text += fmt::format("    '{} {}') kind={} choices='{}' ;;\n", node.path, flag.name,
                          flag.is_file ? "file" : "word", flag.choices);
    }
  }
  return text;
}

std::string known_paths(const std::vector<Node>& nodes) {
  std::vector<std::string> paths;
  for (const Node& node : nodes) {
    if (!node.path.empty()) paths.push_back(node.path);
  }
  return fmt::format("{}", fmt::join(paths, "|"));
}

std::string bash_words(const std::vector<Node>& nodes) {
  std::string text;
  for (const Node& node : nodes) {
    std::string words;
    for (const Word& word : node.words) words += (words.empty() ? "" : " ") + word.text;
    text += fmt::format("    '{}') choices='{}'{} ;;\n", node.path, words,
                        node.takes_file ? " kind=file" : "");
  }
  return text;
}

// `=` and `:` split words here, so "--output=j" arrives as three.
constexpr std::string_view kBash =
    R"(# bash completion of headrace: source <(headrace completion bash)
_headrace() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}
  local at='' word index kind='' choices=''
  if [[ $current == '=' ]]; then
    current=''
  elif [[ $previous == '=' ]]; then
    previous=${{COMP_WORDS[COMP_CWORD-2]}}
  fi
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=${{COMP_WORDS[index]}}
    case "$at/$word" in
      {paths}) at="$at/$word" ;;
    esac
  done
  COMPREPLY=()
  case "$at $previous" in
{values}  esac
  if [[ -z $kind ]]; then
    case "$at" in
{words}    esac
  fi
  [[ -n $choices ]] && COMPREPLY=($(compgen -W "$choices" -- "$current"))
  if [[ $kind == file && $current != -* ]]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY+=($(compgen -f -- "$current"))
  fi
}}
complete -F _headrace headrace
)";

std::string zsh_words(const std::vector<Node>& nodes) {
  std::string text;
  for (const Node& node : nodes) {
    text += fmt::format("    '{}') {}items=(\n", node.path, node.takes_file ? "kind=file " : "");
    for (const Word& word : node.words)
      text += "      " + in_quotes(word.text + ':' + word.help) + '\n';
    text += "    ) ;;\n";
  }
  return text;
}

constexpr std::string_view kZsh = R"(#compdef headrace
# zsh completion of headrace: source <(headrace completion zsh), or a file _headrace in fpath
_headrace() {{
  local at='' word kind='' choices='' previous=${{words[CURRENT-1]}}
  local -a items
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    case "$at/$word" in
      {paths}) at="$at/$word" ;;
    esac
  done
  if compset -P '--[a-z-]#='; then
    previous=${{IPREFIX%=}}
  fi
  case "$at $previous" in
{values}  esac
  if [[ -z $kind ]]; then
    case "$at" in
{words}    esac
  fi
  [[ -n $choices ]] && compadd -- ${{=choices}}
  (( ${{#items}} )) && _describe -o headrace items
  [[ $kind == file ]] && _files
  return 0
}}
if [[ ${{funcstack[1]}} == _headrace ]]; then
  _headrace "$@"
else
  compdef _headrace headrace
fi
)";

}  // namespace

std::optional<std::string> completion_script(const CLI::App& app, std::string_view shell) {
  std::vector<Node> nodes;
  collect(app, "", nodes);
  const auto fill = [&nodes](std::string_view script, const std::string& words) {
    return fmt::format(fmt::runtime(script), fmt::arg("paths", known_paths(nodes)),
                       fmt::arg("values", value_branches(nodes)), fmt::arg("words", words));
  };
  if (shell == "bash") return fill(kBash, bash_words(nodes));
  if (shell == "zsh") return fill(kZsh, zsh_words(nodes));
  return std::nullopt;
}

}  // namespace headrace::tools
