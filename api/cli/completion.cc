#include "api/cli/cli.h"

namespace watchword::cli {
namespace {

// What may follow a verb: the verbs below it and its long options.
struct Place {
  std::string path;                                        // " identity create"
  std::vector<std::pair<std::string, std::string>> words;  // and what each means
};

void collect(const CLI::App& app, const std::string& path, std::vector<Place>& places) {
  const size_t here = places.size();
  places.push_back({path, {}});
  for (const CLI::App* below : app.get_subcommands({})) {
    places[here].words.emplace_back(below->get_name(), below->get_description());
    collect(*below, path + " " + below->get_name(), places);
  }
  for (const CLI::Option* option : app.get_options({}))
    for (const std::string& name : option->get_lnames())
      places[here].words.emplace_back("--" + name, option->get_description());
}

std::string joined_words(const Place& place) {
  std::string out;
  for (const auto& [word, meaning] : place.words) out += (out.empty() ? "" : " ") + word;
  return out;
}

// The verbs typed so far choose the place; a word that is no verb of it is an argument. Files where
// nothing fits.
std::string bash_script(const std::vector<Place>& places) {
  std::string cases;
  for (const Place& place : places)
    cases += "    '" + place.path + "') echo '" + joined_words(place) + "';;\n";
  return "_watchword_words() {\n  case \"$1\" in\n" + cases +
         "  esac\n}\n"
         "_watchword() {\n"
         "  local path='' word words at\n"
         "  for ((at = 1; at < COMP_CWORD; at++)); do\n"
         "    word=${COMP_WORDS[at]}\n"
         "    words=\" $(_watchword_words \"$path\") \"\n"
         "    case \"$word\" in -*) ;; *) [[ $words == *\" $word \"* ]] && path=\"$path $word\" ;; "
         "esac\n"
         "  done\n"
         "  COMPREPLY=($(compgen -W \"$(_watchword_words \"$path\")\" -- "
         "\"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\n"
         "complete -o default -F _watchword watchword\n";
}

std::string zsh_script(const std::vector<Place>& places) {
  return "#compdef watchword\nautoload -U +X bashcompinit && bashcompinit\n" + bash_script(places);
}

std::string fish_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string fish_script(const std::vector<Place>& places) {
  std::string out =
      "function __watchword_at\n"
      "  set -l typed (commandline -opc)\n"
      "  set -l path\n"
      "  for word in $typed[2..-1]\n"
      "    string match -q -- '-*' $word; or set path $path $word\n"
      "  end\n"
      "  set -l wanted (string split ' ' -- $argv[1])\n"
      "  test \"$path[1..\"(count $wanted)\"]\" = \"$wanted\"; or test \"$path\" = \"$argv[1]\"\n"
      "end\n";
  for (const Place& place : places) {
    const std::string path = place.path.empty() ? "" : place.path.substr(1);
    const std::string condition =
        path.empty() ? "__fish_use_subcommand" : "__watchword_at " + fish_quoted(path);
    for (const auto& [word, meaning] : place.words) {
      const bool option = word.starts_with("--");
      out += "complete -c watchword -n " + fish_quoted(condition) + (option ? " -l " : " -f -a ") +
             (option ? word.substr(2) : word) + " -d " + fish_quoted(meaning) + "\n";
    }
  }
  return out;
}

}  // namespace

std::string completion_script(const CLI::App& app, std::string_view shell) {
  std::vector<Place> places;
  collect(app, "", places);
  if (shell == "bash") return bash_script(places);
  if (shell == "zsh") return zsh_script(places);
  return shell == "fish" ? fish_script(places) : "";
}

}  // namespace watchword::cli
