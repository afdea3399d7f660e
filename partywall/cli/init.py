"""`partywall init`: a commented configuration that loads as it stands."""

import os
from pathlib import Path
from typing import Annotated

import typer

from firewall.core.errors import ConfigError
from partywall.cli.desk import DEFAULT_CONFIG, say

TEMPLATE = """\
# Partywall's configuration. Every line that is commented out shows the default, or an example that says so.
# All settings, with units: docs/configuration.md. Check it with `partywall doctor`.

# How strictly detection judges: strict, standard, light or observe. Isolation by label is on in all of them.
profile = "standard"

# LiteLLM's name of the model that `turn.complete` asks. Example:
# model = "gpt-4o-mini"

# Which kinds of sender are served: human, bot, external, anonymous, webhook, system, unknown.
# serve = ["human"]

# Prompts of yours, as your bot sends them; {name} marks a hole. Other system text is denied. Example:
# prompts = ["You are the helper of {company}. Answer briefly."]

# Without any tenant, each Slack workspace and Discord guild is its own, and elsewhere each conversation is.
# As soon as one is named, senders of all other realms are denied. Example:
# [[tenant]]
# id = "acme"
# realms = [
#     { channel = "slack", realm = "T0123ABCD" },
#     { channel = "telegram", realm = "123456789", conversation = "-100987654321" },
# ]
# [tenant.tools]
# grants = ["exec"]                    # dangerous tools, by name; `partywall doctor` lists them
# hosts = ["api.example.org"]          # hosts that `fetch` may reach; ".example.org" for its subdomains
# only = ["read", "list", "exec"]      # if given, no other tool runs
# carry = ["fetch"]                    # tools that reach outside and may carry private data
# [tenant.policy]
# files = ["acme.cedar"]               # rules for this tenant's people, beside policy.files
# [tenant.links]
# hosts = ["acme.example.org"]         # where links may lead besides links.hosts
# [tenant.pii]
# names = ["Ansel Masson"]             # people whose names answers must not bring up by themselves
# names_file = "people.txt"            # the same from a file, one a line

[store]
path = ".partywall/partywall.db"       # or "postgresql://user@host/database": docs/operations/postgres.md
# The master key opens everything that is kept. Keep it away from the database and its backups. Example:
# master_key_file = "/run/secrets/partywall.key"
# synchronous = "FULL"                 # NORMAL is faster, and may lose the last commits in a power cut

[records]                              # of what was refused, cut or dropped
# keep_days = 365                      # example: `partywall violations prune` removes older ones

[files]
path = ".partywall/files"
# workspace = "/"                      # a prefix that bots write for their own folder
# max_bytes = 100000000                # for each compartment
# max_entries = 10000
# max_file_bytes = 20000000
# [files.shared]                       # read-only trees that everybody may read, by name. Example:
# handbook = "/srv/handbook"

[attachments]                          # files that come with messages
# max_count = 10                       # of one message
# max_bytes = 10000000                 # of one file; no longer one goes out either
# types = ["text/*", "image/*"]        # what is kept, by the bytes; the default has documents and media too

[limits]
# turn_timeout_s = 300.0
# turn_idle_s = 10.0
# session_wait_s = 60.0
# drain_s = 30.0                       # a bot that is stopped finishes what it has begun
# turns_at_once = 64
# turns_a_tenant = 16                  # of these
# waiting_a_tenant = 1000              # more are refused, while other tenants are served
# waiting_in_all = 100000
# layer_cpu_s = 2.0
# model_timeout_s = 120.0
# tool_timeout_s = 60.0
# exec_timeout_s = 30.0
# fetch_timeout_s = 20.0
# threads_a_tenant = 4                 # for synchronous tools and file verbs; a hung one keeps its thread
# max_text_bytes = 1000000
# max_result_bytes = 1000000
# max_rounds = 8
# max_tokens_a_turn = 200000

[links]                                # in what is shown; others are cut out
# hosts = ["docs.example.org", ".example.net"] # example: a host, all hosts below one; "*" for every host
# given_by_tools = true                # a link that a tool gave may be repeated; never in `strict`

[excerpts]                             # of other people's texts
# public = ["handbook.txt"]            # example: files of text that is nobody's

[injection]                            # text that wants to command the assistant
# mode = "shadow"                      # records only; "enforce" refuses, "off" does not look
# threshold = 0.5                      # 0 to 1: the least score that counts
# classifier = "injections"            # example: a folder that `partywall classifier train` made
# model = "prompt-guard-2"             # example: a folder with a model's weights; nothing is downloaded
# model_kind = "prompt_guard"          # or "llama_guard"; with model only
# runtime = "onnx"                     # or "transformers"; with model only

[secrets]
# rules = ["rules.toml"]               # example: rules of your own; try them by `partywall rules check`

[pii]
# rules = "standard"                   # or "presidio": exactly what stock Presidio finds
# threshold = 0.35                     # 0 to 1: how sure Presidio must be
# languages = ["en"]
# allow = ["support@acme.example"]     # example: values that are no finding
# deny = ["Project Falcon"]            # example: terms that are one
# recognizers = "recognizers.yaml"     # example: recognisers of yours, in Presidio's YAML
# context = {}                         # words near which a kind counts for more: { US_SSN = ["sozial"] }
# own = "keep"                         # or "substitute": a provider sees placeholders for the sender's values

# [pii.enhancer]                       # how such words count; Presidio's names
# context_similarity_factor = 0.35
# min_score_with_context_similarity = 0.4
# context_prefix_count = 5
# context_suffix_count = 0
# context_matching_mode = "substring"

[policy]                               # rules in Cedar: docs/policy.md
# files = ["policies.cedar"]           # example: for every turn; `partywall policy check` reads them
# [[policy.conversation]]              # for what is answered in one place. Example:
# channel = "slack"
# realm = "T0123ABCD"
# id = "C0456EFGH"
# files = ["finance.cedar"]
# [[policy.task]]                      # for the runs of a job. Example:
# job = "digest"
# files = ["digest.cedar"]

[plugins]                              # of other distributions: docs/plugins.md; only what is named is loaded
# detectors = []                       # ["acme-ids"]
# rules = []                           # packs of rules for secrets
# layers = []
# alerts = []                          # kinds of [[alert]]
# timeout_s = 2.0                      # longest wait for one
# [plugins.options]                    # by its name. Example, for detectors = ["acme-ids"]:
#                                      # [plugins.options.acme-ids]
#                                      # prefix = "EMP"

[oracle]                               # how often a finding may tell somebody that a text is another's
# findings = 10                        # different texts; one more, and everything is refused
# window_s = 86400.0                   # over how long they are counted
# hold_s = 86400.0                     # for how long; `partywall holds release` ends it

[alerts]                               # what operators were told
# keep_days = 90                       # example: the relay removes older messages that arrived

# [[alert]]                            # a way to tell operators; secrets stand in the environment
# name = "on-call"
# kind = "pagerduty"
# keys_env = ["PAGERDUTY_ROUTING_KEY"]
# tenants = ["acme"]                   # without it, every tenant's violations
# options = {}                         # of a kind that a plug-in brings
# severity = "high"                    # and worse
# layers = ["redaction"]
# rules = ["foreign_history"]
# hours = "20:00-08:00"                # UTC
# days = ["sat", "sun"]
# group_s = 300.0                      # what comes after the first is gathered for so long
# per_minute = 30
# timeout_s = 15.0
# [[alert]]
# name = "team"
# kind = "slack"                       # or slack_webhook, discord: then url_env
# keys_env = ["SLACK_BOT_TOKEN"]
# channel = "C0123ABCD"
# [[alert]]
# name = "siem"
# kind = "webhook"
# url = "https://siem.example.org/hook" # or url_env, where the address itself is a secret
# keys_env = ["HOOK_KEY", "HOOK_KEY_BEFORE"]
# private = false                      # true: the receiver may be at an address inside
# [[alert]]
# name = "discord"
# kind = "discord"
# url_env = "DISCORD_ALERTS"
# [[alert]]
# name = "mail"
# kind = "email"
# host = "smtp.example.org"
# port = 587
# tls = "starttls"                     # or "tls"
# user = "partywall"
# keys_env = ["SMTP_PASSWORD"]
# sender = "partywall@example.org"
# to = ["on-call@example.org"]

# [bot]                                # what `partywall serve` runs; secrets stand in the environment
# agent = "my_bot:answer"              # a function of yours; without it the default agent
# system = "You are a helpful assistant."
# tools = ["read_file", "list_files"]
# privately = ["/private", "private:"] # a message that begins so is answered to its sender alone
# [bot.slack]
# token_env = "SLACK_BOT_TOKEN"
# teams = { T0123ABCD = "SLACK_TOKEN_ACME" } # several workspaces: the variable of each one's token
# app_token_env = "SLACK_APP_TOKEN"    # Socket Mode; or signing_secret_env with host and port
# signing_secret_env = "SLACK_SIGNING_SECRET"
# client_id = "111.222"                # workspaces install the app by themselves; then no token is named
# client_secret_env = "SLACK_CLIENT_SECRET"
# scopes = ["chat:write", "im:history"]
# redirect_uri = "https://bot.example.org/slack/oauth_redirect"
# host = "127.0.0.1"
# port = 3000
# [bot.telegram]
# token_env = "TELEGRAM_TOKEN"         # polls; with webhook_url and secret_token_env it is called
# webhook_url = "https://bot.example.org/telegram"
# secret_token_env = "TELEGRAM_SECRET"
# [bot.discord]
# token_env = "DISCORD_TOKEN"
# answers = "mentions"                 # or "all"
# commands = { ask = "Ask the bot" }
"""


def init(
    path: Annotated[Path, typer.Argument(help="Where to write it.")] = DEFAULT_CONFIG,
) -> None:
    """Write a commented partywall.toml that loads as it stands; an existing file stays as it is."""
    try:
        # Exclusive and owner-only: the file may come to name keys, and must not follow a planted link.
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise ConfigError(
            "there is a file of that name already; it stays as it is. Name another one"
        ) from error
    except OSError as error:
        raise ConfigError(f"the file cannot be written ({error.strerror}); name another folder") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(TEMPLATE)
    say("Written. Change what you need, then run `partywall doctor`.")
