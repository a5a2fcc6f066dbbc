import { isAbsolute, win32 } from 'node:path'
import { JobError } from '../errors.ts'

/** A daemon as a service manager is told of it. It holds no secret: those stay in files that the manager hands over. */
export interface ServiceDefinition {
  /** Small letters, digits and hyphens, a letter first; at most 52 characters, which is what a CronJob may have. */
  readonly name: string
  /** One line for people. */
  readonly description: string
  /** The program, by its absolute path, and its arguments. */
  readonly command: readonly [program: string, ...args: string[]]
  /** Absolute. */
  readonly workingFolder: string
  /** Plain settings; a secret among them is refused. */
  readonly environment: Readonly<Record<string, string>>
  /** How long runs may take to end or to reach a checkpoint when the service stops, in seconds. */
  readonly graceSeconds: number
}

/** How much longer than the grace period a manager waits before it kills, in seconds. */
export const KILL_MARGIN_SECONDS = 15

/** How long the manager waits for a stopping daemon, in seconds. */
export const stopSeconds = ({ graceSeconds }: Pick<ServiceDefinition, 'graceSeconds'>): number =>
  graceSeconds + KILL_MARGIN_SECONDS

const NAME = /^[a-z][a-z0-9-]{0,50}[a-z0-9]$/
const VARIABLE = /^[A-Z_][A-Z0-9_]*$/
const SECRET_VARIABLE = /(SECRET|PASSWORD|TOKEN|_KEY|DATABASE_URL)$/
const CONTROL = /\p{Cc}/u
const GRACE_MAX_SECONDS = 24 * 60 * 60

/**
 * Checks what every service manager would stumble over.
 *
 * @throws JobError `service_unusable`, or `service_secret_in_clear` for a secret among the settings.
 */
export function requireUsable(service: ServiceDefinition): void {
  const { name, description, command, workingFolder, environment, graceSeconds } = service
  if (!NAME.test(name)) throw unusable('its name must be small letters, digits and hyphens', name)
  for (const text of [description, workingFolder, ...command, ...Object.values(environment)])
    if (CONTROL.test(text)) throw unusable('every value must be one line without control characters', text)
  const [program] = command
  for (const path of [program, workingFolder])
    if (!isAbsolute(path) && !win32.isAbsolute(path)) throw unusable('its paths must be absolute', path)
  if (!(Number.isInteger(graceSeconds) && graceSeconds > 0 && graceSeconds <= GRACE_MAX_SECONDS))
    throw unusable('its grace period must be 1 to 86,400 whole seconds', String(graceSeconds))
  for (const variable of Object.keys(environment)) {
    if (!VARIABLE.test(variable))
      throw unusable('its variables must be capital letters, digits and _', variable)
    if (SECRET_VARIABLE.test(variable)) throw secretInClear(variable)
  }
}

/** @internal */
export function unusable(need: string, found: string): JobError {
  return new JobError(
    `Cannot describe the service, as ${need}: found ${JSON.stringify(found.slice(0, 200))}`,
    {
      code: 'service_unusable',
    },
  )
}

function secretInClear(variable: string): JobError {
  return new JobError(
    `Cannot describe the service with ${variable}, as no secret may stand in a definition that others can read: found a value for it`,
    {
      code: 'service_secret_in_clear',
      hint: 'Put it into a file and name that with --credential, or into a Secret of the cluster with --secret',
    },
  )
}
