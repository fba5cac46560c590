# What each function is given: its size, its times, its secrets and settings. services.tf makes the services of it.

locals {
  labels          = merge({ app = "audiodup" }, var.labels)
  deletion_policy = var.deletion_protection ? "PREVENT" : "DELETE"

  # Attempts, back-off, deadlines, retention and names: the same file that the functions and the tests read.
  pubsub     = jsondecode(file("${path.module}/pubsub.json"))
  production = local.pubsub.production

  # The defaults of settings.py (`make docs` writes the file), and what shall be otherwise.
  settings = merge(jsondecode(file("${path.module}/settings.json")), var.settings)

  # What var.settings may not name: it is computed here or has a variable of its own.
  set_here = ["FPCALC_PROCESSES", "GOOGLE_CLOUD_PROJECT", "HOST", "PORT", "PROVIDERS", "PUBSUB_FILE", "PUBSUB_PROFILE", "REVIEW_AUDIENCE", "SECRETS", "THREADS"]
  free_settings = [
    for name in keys(jsondecode(file("${path.module}/settings.json"))) : name
    if !contains(local.set_here, name) && (!startswith(name, "SNOWFLAKE_") || endswith(name, "_SECONDS"))
  ]

  store_secrets    = compact([var.snowflake.private_key_secret])
  provider_secrets = compact([for provider in values(var.audio_providers) : provider.secret])
  providers = jsonencode({
    for name, provider in var.audio_providers : name => { for field, value in provider : field => value if value != null }
  })

  # Called by people's browsers through Identity-Aware Proxy; every other one by an account of its own, from inside.
  for_people  = toset(["review"])
  for_callers = setsubtract(keys(local.functions), local.for_people)

  functions = {
    scheduler = {
      cpus        = 1
      memory_gib  = 1
      concurrency = 1 # two ticks at once would only wait for each other
      instances   = 1
      # A merge may wait for its lock for 6 minutes and then work; Cloud Scheduler waits as long. A tick that is cut off
      # has committed its merge whole or not at all, and what it did not publish waits for the lease.
      timeout  = 900
      role     = "SCHEDULER"
      secrets  = local.store_secrets
      settings = {}
    }
    fingerprint = {
      cpus = var.fingerprint.cpus
      # The file system is memory: the budget of files in flight, fpcalc and ffmpeg at their limit, and 1 GB for Python.
      memory_gib = ceil((local.settings.FILES_IN_FLIGHT_BYTES + var.fingerprint.cpus * local.settings.FPCALC_MEMORY_BYTES + pow(10, 9)) / pow(2, 30))
      # Few large instances, so that outcomes share statements; and places for those that wait for bytes or for their batch.
      concurrency = var.fingerprint.concurrency
      instances   = var.fingerprint.instances
      timeout     = local.production.ack_deadline_seconds
      role        = "INGEST"
      secrets     = setunion(local.store_secrets, local.provider_secrets)
      settings = {
        # fpcalc and ffmpeg run at most once per CPU, and requests wait for their turn while others download.
        FPCALC_PROCESSES = var.fingerprint.cpus
        PROVIDERS        = local.providers
      }
    }
    dead_letter = {
      cpus        = 1
      memory_gib  = 1
      concurrency = 32
      instances   = 2
      timeout     = local.production.ack_deadline_seconds
      role        = "INGEST"
      secrets     = local.store_secrets
      settings    = {}
    }
    matcher = {
      cpus        = var.matcher.cpus
      memory_gib  = var.matcher.memory_gib
      concurrency = 1 # one writer of pairs and groups
      instances   = 1
      timeout     = 1800 # the longest that Cloud Scheduler waits; what does not fit is left to the next run
      role        = "MATCHER"
      secrets     = local.store_secrets
      settings = {
        REQUEST_SECONDS     = 1740
        SNOWFLAKE_WAREHOUSE = "${var.snowflake.name}_MATCHER"
      }
    }
    review = {
      cpus = 1
      # As fingerprint's: its few files in flight, one ffmpeg at its limit, and 1 GB for Python.
      memory_gib  = ceil((local.review_bytes + local.settings.FPCALC_MEMORY_BYTES + pow(10, 9)) / pow(2, 30))
      concurrency = 8 # a page asks for some ten things at once, and those of one instance share one session: in line
      instances   = 4
      timeout     = 300 # a person does not wait longer
      role        = "REVIEWER"
      secrets     = setunion(local.store_secrets, local.provider_secrets)
      settings = {
        API_SECONDS           = 20
        DOWNLOAD_SECONDS      = 120
        FILES_IN_FLIGHT_BYTES = local.review_bytes
        FPCALC_PROCESSES      = 1
        FPCALC_SECONDS        = 60
        PROVIDERS             = local.providers
        REQUEST_SECONDS       = 280
        # Whom IAP signs for: by the names that Cloud Run gives to this very service.
        REVIEW_AUDIENCE = "/projects/${data.google_project.this.number}/locations/${var.region}/services/audiodup-review"
        STORE_SECONDS   = 60
      }
    }
  }

  # Two files of ten minutes in 96 kHz and 24 bit, whose waveforms are drawn; a larger one has none.
  review_bytes = 700 * pow(10, 6)

  common_settings = merge(var.settings, {
    GOOGLE_CLOUD_PROJECT  = var.project
    SNOWFLAKE_ACCOUNT     = var.snowflake.account
    SNOWFLAKE_USER        = var.snowflake.user
    SNOWFLAKE_PRIVATE_KEY = var.snowflake.private_key_secret
    SNOWFLAKE_WAREHOUSE   = var.snowflake.name
    SNOWFLAKE_DATABASE    = var.snowflake.database
    SNOWFLAKE_SCHEMA      = var.snowflake.schema
  })

  environment = {
    for name, function in local.functions : name => {
      for key, value in merge(local.common_settings, function.settings, {
        FUNCTION_SOURCE = "functions/${name}.py"
        FUNCTION_TARGET = name
        # What breaks out of fingerprint's decoders can append to the inbox, and no more; out of review's, read results and
        # append reviews, which are undone by another.
        SNOWFLAKE_ROLE = "${var.snowflake.name}_${function.role}"
        # With all requests at work a probe still finds a thread; otherwise a busy instance would be taken for a dead one.
        THREADS = function.concurrency + 4
      }) : key => tostring(value) if value != null && value != ""
    }
  }

  # Budgets in seconds, by function: what services.tf holds against each other.
  request_seconds = { for name, function in local.functions : name => merge(local.settings, function.settings).REQUEST_SECONDS }
  work_seconds = {
    for name, function in local.functions : name => sum([
      for part in ["API_SECONDS", "DOWNLOAD_SECONDS", "FPCALC_SECONDS", "STORE_SECONDS"] : tonumber(merge(local.settings, function.settings)[part])
    ])
  }
}
