variable "project" {
  description = "Id of the Google Cloud project that everything is made in."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "A project's id has 6 to 30 lower-case letters, digits and hyphens (it is not the project's name or number)."
  }
}

variable "region" {
  description = "Region of services, jobs and topics' publishers; near the download APIs' storage."
  type        = string
  default     = "europe-west1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region is written as in europe-west1."
  }
}

variable "image" {
  description = "The container image by digest, REPOSITORY/audiodup@sha256:...; `make deploy` gives it. A tag would not do: pushed again it shows no difference."
  type        = string

  validation {
    condition     = can(regex("^[^@[:space:]]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "The image is named by its digest, as in europe-west1-docker.pkg.dev/my-project/audiodup/audiodup@sha256:..., never by a tag."
  }
}

variable "labels" {
  description = "Further labels of everything that bears labels, for the bill."
  type        = map(string)
  default     = {}

  validation {
    condition = alltrue([
      for key, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))
    ])
    error_message = "Labels are of lower-case letters, digits, _ and -, up to 63; a key begins with a letter."
  }
}

variable "schedules" {
  description = "When the scheduler publishes pending assets and when the matcher runs (cron, UTC)."
  type = object({
    scheduler = optional(string, "*/5 * * * *")
    matcher   = optional(string, "17 * * * *")
  })
  default = {}

  validation {
    condition     = alltrue([for cron in values(var.schedules) : can(regex(local.cron, lower(cron)))])
    error_message = "A schedule has five fields, as in */5 * * * *: minute, hour, day, month, day of the week."
  }
}

variable "paused" {
  description = "Hold both jobs: nothing new is published or matched; what is published already is still worked off."
  type        = bool
  default     = false
}

variable "fingerprint" {
  description = "Size of the fingerprint function: CPUs and requests at once of an instance, and at most so many instances. Each request asks the download API for a file: keep instances x concurrency within what it allows, and CPUs and memory within the project's quota for Cloud Run (a new project's may be 20 CPUs and 40 GiB)."
  type = object({
    cpus        = optional(number, 8)
    concurrency = optional(number, 80)
    instances   = optional(number, 2)
  })
  default = {}

  validation {
    condition     = contains([1, 2, 4, 6, 8], var.fingerprint.cpus)
    error_message = "Cloud Run gives 1, 2, 4, 6 or 8 CPUs."
  }
  validation {
    condition     = var.fingerprint.concurrency >= 1 && var.fingerprint.concurrency <= 900 && floor(var.fingerprint.concurrency) == var.fingerprint.concurrency
    error_message = "fingerprint.concurrency is a whole number from 1 to 900."
  }
  validation {
    condition     = var.fingerprint.instances >= 1 && var.fingerprint.instances <= 100 && floor(var.fingerprint.instances) == var.fingerprint.instances
    error_message = "fingerprint.instances is a whole number from 1 to 100."
  }
}

variable "matcher" {
  description = "Size of the matcher, of which there is one instance: CPUs, and memory in GiB for what it compares at a time."
  type = object({
    cpus       = optional(number, 2)
    memory_gib = optional(number, 8)
  })
  default = {}

  validation {
    condition     = contains([1, 2, 4, 6, 8], var.matcher.cpus) && var.matcher.memory_gib >= 2 && var.matcher.memory_gib <= 4 * var.matcher.cpus
    error_message = "Cloud Run gives 1, 2, 4, 6 or 8 CPUs, and at most 4 GiB for each; the matcher wants 2 GiB at least."
  }
}

variable "settings" {
  description = "Settings of docs/settings.md for all functions that shall not have their default, as in { ROOM = \"10000\", FINGERPRINT_SECONDS = \"0\" }."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.settings), local.free_settings)) == 0
    error_message = "Not for this variable: ${join(", ", setsubtract(keys(var.settings), local.free_settings))}. Settings stand in docs/settings.md; Snowflake, providers and what follows from pubsub.json and the services' size have variables of their own or are computed."
  }
  validation {
    condition = alltrue([
      for name, value in var.settings :
      !can(tonumber(jsondecode(file("${path.module}/settings.json"))[name])) || try(tonumber(value) >= 0, false)
    ])
    error_message = "These settings are numbers, of 0 or more: ${join(", ", [for name, value in var.settings : name if can(tonumber(jsondecode(file("${path.module}/settings.json"))[name])) && !try(tonumber(value) >= 0, false)])}."
  }
}

variable "audio_providers" {
  description = "Download APIs by provider, as PROVIDERS in docs/settings.md says: url, hosts, and optionally header, secret (its name in Secret Manager) and pointer."
  type = map(object({
    url     = string
    hosts   = list(string)
    header  = optional(string)
    secret  = optional(string)
    pointer = optional(string)
  }))
  default = {}

  validation {
    condition = alltrue([
      for provider in values(var.audio_providers) :
      startswith(provider.url, "https://") && strcontains(provider.url, "{asset_id}") && length(provider.hosts) > 0
    ])
    error_message = "A provider's url begins with https:// and holds {asset_id}, and hosts names at least one host of signed URLs."
  }
  validation {
    condition     = alltrue([for provider in values(var.audio_providers) : provider.secret == null || can(regex("^[A-Za-z0-9_-]{1,255}$", provider.secret))])
    error_message = "A provider's secret is its name in Secret Manager, as bootstrap/ made it, never its value."
  }
}

variable "snowflake" {
  description = "Where the tables are and as whom the functions sign in: by workload identity, or by key pair where user and private_key_secret (a name in Secret Manager) are given. Roles and warehouses are those that infra/snowflake makes: `name`, and what it puts behind it."
  type = object({
    account            = optional(string, "")
    user               = optional(string)
    private_key_secret = optional(string)
    name               = optional(string, "AUDIODUP")
    database           = optional(string)
    schema             = optional(string)
  })
  default = {}

  validation {
    condition     = (var.snowflake.user == null) == (var.snowflake.private_key_secret == null)
    error_message = "snowflake.user and snowflake.private_key_secret belong together (key pair); without both it is workload identity."
  }
  validation {
    condition     = var.snowflake.private_key_secret == null || can(regex("^[A-Za-z0-9_-]{1,255}$", var.snowflake.private_key_secret))
    error_message = "snowflake.private_key_secret is the secret's name, as bootstrap/ made it."
  }
}

variable "operators" {
  description = "Who may publish requests (scripts/backfill.py, scripts/redrive.py) and read dead letters, as in group:audio-ops@example.com."
  type        = string
  default     = null

  validation {
    condition     = var.operators == null || can(regex("^(group|user|serviceAccount):[^@]+@[^@]+$", var.operators))
    error_message = "operators is a member as IAM writes it: group:NAME@DOMAIN (or user:, serviceAccount:); never allUsers."
  }
}

variable "reviewers" {
  description = "Who may open the review page and decide there, as in [\"group:music-editors@example.com\"]; nobody else can."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.reviewers : can(regex("^((group|user|serviceAccount):[^@[:space:]]+@[^@[:space:]]+|domain:[^@[:space:]]+)$", member))])
    error_message = "reviewers are members as IAM writes them: group:NAME@DOMAIN, user:, domain:DOMAIN (or serviceAccount:); never allUsers."
  }
}

variable "deletion_protection" {
  description = "Refuse to destroy or replace what would be missed: services, topics, subscriptions with their messages, jobs, accounts."
  type        = bool
  default     = false
}

variable "dead_letter_retention" {
  description = "How long dead letters are kept, in seconds as in 1209600s; null takes pubsub.json's (the Pub/Sub emulator takes 604800s at most)."
  type        = string
  default     = null

  validation {
    condition = var.dead_letter_retention == null || try(
      tonumber(trimsuffix(var.dead_letter_retention, "s")) >= 600 && tonumber(trimsuffix(var.dead_letter_retention, "s")) <= 2678400,
      false
    )
    error_message = "dead_letter_retention is from 600s (10 minutes) to 2678400s (31 days)."
  }
}

variable "notification_channels" {
  description = "Monitoring channels that alerts go to, as in projects/P/notificationChannels/N; none only shows them in the console."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for channel in var.notification_channels : can(regex("^projects/[^/]+/notificationChannels/[^/]+$", channel))])
    error_message = "A channel is written projects/P/notificationChannels/N, as `gcloud beta monitoring channels list` shows it."
  }
}

variable "log_based_alerts" {
  description = "Make the alerts on log-based metrics too: in a second apply, since for some minutes Monitoring does not know a metric that is new."
  type        = bool
  default     = false
}

variable "quiet_hours" {
  description = "Alert when nothing succeeded for so many hours while something is pending."
  type        = number
  default     = 6

  validation {
    condition     = var.quiet_hours >= 1 && var.quiet_hours <= 23 && floor(var.quiet_hours) == var.quiet_hours
    error_message = "quiet_hours is a whole number from 1 to 23."
  }
}
