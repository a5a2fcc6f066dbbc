import { requireUsable, type ServiceDefinition, stopSeconds, unusable } from './definition.ts'
import { SERVICE_CREDENTIALS, type ServiceCredential } from './credentials.ts'

/** What a systemd unit says beyond the service itself. */
export interface SystemdService extends ServiceDefinition {
  /** An account of the machine; without one systemd makes one for the time that the service runs (`DynamicUser=`). */
  readonly user?: string | undefined
  /** The files that systemd reads as root and hands over, by the names of {@link SERVICE_CREDENTIALS}. */
  readonly credentials?: Readonly<Partial<Record<ServiceCredential, string>>> | undefined
  /** systemd ends and restarts a daemon that it has not heard of for so long, in seconds. Default: 120. */
  readonly watchdogSeconds?: number | undefined
}

/** Where systemd keeps the state of a service of this name. */
export const stateFolder = (name: string): string => `/var/lib/${name}`

const WATCHDOG_SECONDS = 120
const WATCHDOG_SECONDS_MIN = 10

// V8 compiles what runs often to machine code, in memory that it writes and then executes: a process that may not is
// killed at its start. So MemoryDenyWriteExecute= has to stay off.
const HARDENING = `UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
LockPersonality=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
# The JavaScript engine makes machine code while it runs.
MemoryDenyWriteExecute=no`

/**
 * The text of a systemd unit: `Type=notify` with a watchdog, restarts with a limit, an account and a state folder of its
 * own, credentials by `LoadCredential=`, and everything closed that a Node program can do without (systemd 250 or later).
 *
 * @throws JobError `service_unusable` or `service_secret_in_clear`.
 * @example
 * ```ts
 * import { systemdUnit } from '@tomte/jobs/service'
 * const unit = systemdUnit({
 *   name: 'tomte-provision',
 *   description: 'Provisions the directory every night',
 *   command: ['/usr/bin/node', '/opt/provision/node_modules/.bin/tomte', 'run'],
 *   workingFolder: '/opt/provision',
 *   environment: { AZURE_TENANT_ID: 'contoso.example' },
 *   credentials: { 'certificate.pem': '/etc/provision/daemon.pem' },
 *   graceSeconds: 30,
 * })
 * ```
 */
export function systemdUnit(service: SystemdService): string {
  requireUsable(service)
  const { name, description, command, workingFolder, user, watchdogSeconds = WATCHDOG_SECONDS } = service
  if (!(Number.isInteger(watchdogSeconds) && watchdogSeconds >= WATCHDOG_SECONDS_MIN))
    throw unusable('its watchdog must be 10 whole seconds or more', String(watchdogSeconds))
  return `[Unit]
Description=${literal(description)}
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=600
StartLimitBurst=10

[Service]
Type=notify
# systemd-notify speaks for the daemon, as a child of it.
NotifyAccess=all
ExecStart=${command.map(quoted).join(' ')}
ExecReload=/bin/kill -HUP $MAINPID
WatchdogSec=${watchdogSeconds}
Restart=on-failure
RestartSec=5
# Wrong usage does not heal by itself.
RestartPreventExitStatus=2
TimeoutStartSec=120
TimeoutStopSec=${stopSeconds(service)}
# The daemon alone is told to stop, and what is left of its children is killed at the end.
KillMode=mixed
${account(user)}
StateDirectory=${name}
StateDirectoryMode=0700
WorkingDirectory=${literal(workingFolder)}
ProtectHome=${isAtHome([workingFolder, ...command]) ? 'read-only' : 'yes'}
${[...environmentLines(service), HARDENING].join('\n')}

[Install]
WantedBy=multi-user.target
`
}

const USER = /^[a-z_][a-z0-9_-]{0,30}\$?$/

function account(user: string | undefined): string {
  if (user === undefined) return 'DynamicUser=yes'
  if (!USER.test(user)) throw unusable('its user must be an account of the machine', user)
  return `User=${user}`
}

/** Settings, and the credentials that systemd copies for the daemon alone; `%d` is where it puts them. */
function environmentLines({ environment, credentials = {} }: SystemdService): readonly string[] {
  const handed = Object.entries(credentials) as [ServiceCredential, string][]
  for (const [id, file] of handed) {
    if (!Object.hasOwn(SERVICE_CREDENTIALS, id)) throw unusable('each credential must have a known name', id)
    if (!file.startsWith('/') || /\p{Cc}/u.test(file))
      throw unusable('the file of a credential must be an absolute path', file)
  }
  const paths = handed.flatMap(([id]) => {
    const { variable, as } = SERVICE_CREDENTIALS[id]
    return as === 'path' ? [`Environment="${variable}=%d/${id}"`] : []
  })
  return [
    ...Object.entries(environment).map(
      ([variable, value]) => `Environment=${setting(`${variable}=${value}`)}`,
    ),
    ...paths,
    ...handed.map(([id, file]) => `LoadCredential=${id}:${literal(file)}`),
  ]
}

const isAtHome = (paths: readonly string[]) => paths.some((path) => /^\/(home|root|run\/user)\//.test(path))

/** A value that stands alone on its line: systemd would read `%` as the beginning of a specifier. */
const literal = (text: string) => text.replaceAll('%', '%%')

const escaped = (text: string) => literal(text.replaceAll('\\', '\\\\').replaceAll('"', '\\"'))

const setting = (text: string) => `"${escaped(text)}"`

/** A word of a command line, where `$` begins a variable. */
function quoted(word: string): string {
  const text = escaped(word).replaceAll('$', '$$$$')
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `"${text}"`
}
