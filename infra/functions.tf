# What each function is given: its size, its times, its secrets and settings. services.tf makes the services of it.

locals {
  labels = merge({ app = "audiodup" }, var.labels)

  # Attempts, back-off, deadlines, retention and names: the same file that the functions and the tests read.
  pubsub     = jsondecode(file("${path.module}/pubsub.json"))
  production = local.pubsub.production

  # The defaults of settings.py (`make docs` writes the file), and what shall be otherwise.
  settings = merge(jsondecode(file("${path.module}/settings.json")), var.settings)

  # What var.settings may not name: it is computed here or has a variable of its own.
  set_here = ["FPCALC_PROCESSES", "GOOGLE_CLOUD_PROJECT", "HOST", "PORT", "PROVIDERS", "PUBSUB_FILE", "PUBSUB_PROFILE", "SECRETS", "THREADS"]
  free_settings = [
    for name in keys(jsondecode(file("${path.module}/settings.json"))) : name
    if !contains(local.set_here, name) && (!startswith(name, "SNOWFLAKE_") || endswith(name, "_SECONDS"))
  ]

  store_secrets    = compact([var.snowflake.private_key_secret])
  provider_secrets = compact([for provider in values(var.audio_providers) : provider.secret])

  # fpcalc and ffmpeg run at most once per CPU, and requests wait for their turn while others download.
  fingerprint_cpus = 8

  functions = {
    scheduler = {
      cpu         = 1
      memory      = "1Gi"
      concurrency = 1 # two ticks at once would only wait for each other
      instances   = 1
      timeout     = 900 # a merge may wait for its lock (6 minutes) and then work; Cloud Scheduler waits as long
      secrets     = local.store_secrets
      settings    = {}
    }
    fingerprint = {
      cpu = local.fingerprint_cpus
      # The file system is memory: the budget of files in flight, fpcalc and ffmpeg at their limit, and 1 GB for Python.
      memory      = "${ceil((local.settings.FILES_IN_FLIGHT_BYTES + local.fingerprint_cpus * local.settings.FPCALC_MEMORY_BYTES + 1e9) / pow(2, 30))}Gi"
      concurrency = 32 # few large instances, so that outcomes share statements
      instances   = var.max_instances
      timeout     = local.production.ack_deadline_seconds
      secrets     = setunion(local.store_secrets, local.provider_secrets)
      settings = {
        FPCALC_PROCESSES = local.fingerprint_cpus
        PROVIDERS = jsonencode({
          for name, provider in var.audio_providers : name => { for field, value in provider : field => value if value != null }
        })
      }
    }
    dead_letter = {
      cpu         = 1
      memory      = "1Gi"
      concurrency = 32
      instances   = 2
      timeout     = local.production.ack_deadline_seconds
      secrets     = local.store_secrets
      settings    = {}
    }
    matcher = {
      cpu         = 2
      memory      = "8Gi"
      concurrency = 1 # one writer of pairs and groups
      instances   = 1
      timeout     = 1800 # the longest that Cloud Scheduler waits; what does not fit is left to the next run
      secrets     = local.store_secrets
      settings = {
        REQUEST_SECONDS     = 1740
        SNOWFLAKE_WAREHOUSE = var.snowflake.matcher_warehouse
      }
    }
  }

  common_settings = merge(var.settings, {
    GOOGLE_CLOUD_PROJECT  = var.project
    SNOWFLAKE_ACCOUNT     = var.snowflake.account
    SNOWFLAKE_USER        = var.snowflake.user
    SNOWFLAKE_PRIVATE_KEY = var.snowflake.private_key_secret
    SNOWFLAKE_ROLE        = var.snowflake.role
    SNOWFLAKE_WAREHOUSE   = var.snowflake.warehouse
    SNOWFLAKE_DATABASE    = var.snowflake.database
    SNOWFLAKE_SCHEMA      = var.snowflake.schema
  })

  environment = {
    for name, function in local.functions : name => {
      for key, value in merge(local.common_settings, function.settings, {
        FUNCTION_SOURCE = "functions/${name}.py"
        FUNCTION_TARGET = name
        # With all requests at work a probe still finds a thread; otherwise a busy instance would be taken for a dead one.
        THREADS = function.concurrency + 4
      }) : key => tostring(value) if value != null && value != ""
    }
  }

  # Budgets in seconds, by function: what services.tf holds against each other.
  request_seconds = {
    for name, function in local.functions : name => try(function.settings.REQUEST_SECONDS, local.settings.REQUEST_SECONDS)
  }
  work_seconds = local.settings.API_SECONDS + local.settings.DOWNLOAD_SECONDS + local.settings.FPCALC_SECONDS + local.settings.STORE_SECONDS
}
