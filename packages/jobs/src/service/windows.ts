import { win32 } from 'node:path'
import { requireUsable, type ServiceDefinition, stopSeconds, unusable } from './definition.ts'

/** What Windows needs to run a daemon as a service. */
export interface WindowsService {
  /** The definition for WinSW, the service wrapper: to be kept beside its program, under the same name. */
  readonly definition: string
  /** What an administrator runs, in this order; each is one line for PowerShell or cmd. */
  readonly commands: readonly string[]
}

/**
 * A Windows service: the definition that WinSW (2.x) reads, and the commands that install it under an account of its own.
 * WinSW stops a program by Ctrl-C, which the daemon takes as SIGINT, and waits for the grace period.
 *
 * @param dataFolder where checkpoints are kept; the service's account is given it.
 * @throws JobError `service_unusable` or `service_secret_in_clear`.
 * @example
 * ```ts
 * import { windowsService } from '@tomte/jobs/service'
 * const { definition, commands } = windowsService(
 *   {
 *     name: 'tomte-provision',
 *     description: 'Provisions the directory every night',
 *     command: ['C:\\Program Files\\nodejs\\node.exe', 'C:\\provision\\node_modules\\tomte\\dist\\bin.js', 'run'],
 *     workingFolder: 'C:\\provision',
 *     environment: { AZURE_TENANT_ID: 'contoso.example' },
 *     graceSeconds: 30,
 *   },
 *   'C:\\ProgramData\\tomte-provision',
 * )
 * ```
 */
export function windowsService(service: ServiceDefinition, dataFolder: string): WindowsService {
  requireUsable(service)
  for (const path of [service.command[0], service.workingFolder, dataFolder])
    if (!win32.isAbsolute(path) || path.startsWith('/'))
      throw unusable('its paths must be those of Windows', path)
  for (const text of [
    dataFolder,
    service.workingFolder,
    ...service.command,
    ...Object.values(service.environment),
  ])
    if (EXPANDED.test(text)) throw unusable('WinSW would replace what stands between two % signs', text)
  return { definition: definition(service), commands: commands(service.name, dataFolder) }
}

// WinSW replaces %NAME% everywhere, and knows no way to write it literally.
const EXPANDED = /%[^%]+%/

function definition(service: ServiceDefinition): string {
  const { name, description, command, workingFolder, environment } = service
  const [program, ...args] = command
  const variables = Object.entries(environment).map(
    ([variable, value]) => `  <env name="${xml(variable)}" value="${xml(value)}"/>`,
  )
  return [
    '<service>',
    `  <id>${xml(name)}</id>`,
    `  <name>${xml(name)}</name>`,
    `  <description>${xml(description)}</description>`,
    `  <executable>${xml(program)}</executable>`,
    `  <arguments>${xml(args.map(argument).join(' '))}</arguments>`,
    `  <workingdirectory>${xml(workingFolder)}</workingdirectory>`,
    ...variables,
    '  <startmode>Automatic</startmode>',
    '  <delayedAutoStart>true</delayedAutoStart>',
    '  <onfailure action="restart" delay="5 sec"/>',
    '  <onfailure action="restart" delay="30 sec"/>',
    '  <onfailure action="restart" delay="60 sec"/>',
    '  <resetfailure>10 min</resetfailure>',
    `  <stoptimeout>${stopSeconds(service)} sec</stoptimeout>`,
    '  <log mode="roll-by-size">',
    '    <sizeThreshold>10240</sizeThreshold>',
    '    <keepFiles>8</keepFiles>',
    '  </log>',
    '</service>',
    '',
  ].join('\n')
}

/** `NT SERVICE\name` is an account that Windows makes for a service: it has no password and no rights but those given here. */
function commands(name: string, dataFolder: string): readonly string[] {
  const account = `"NT SERVICE\\${name}"`
  return [
    `${name}.exe install`,
    `sc.exe config ${name} obj= ${account}`,
    `sc.exe sidtype ${name} unrestricted`,
    `sc.exe failure ${name} reset= 600 actions= restart/5000/restart/30000/restart/60000`,
    `sc.exe failureflag ${name} 1`,
    `cmd.exe /c mkdir ${argument(dataFolder)}`,
    `icacls.exe ${argument(dataFolder)} /inheritance:r /grant "NT SERVICE\\${name}:(OI)(CI)M" "*S-1-5-32-544:(OI)(CI)F"`,
    `sc.exe start ${name}`,
  ]
}

/** A word as `CommandLineToArgvW` reads it back: backslashes count only before a quotation mark. */
function argument(word: string): string {
  if (word !== '' && !/[\s"]/.test(word)) return word
  return `"${word.replaceAll(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

function xml(text: string): string {
  // XML 1.0 has no way to write these, not even as references (section 2.2).
  if (/[\uD800-\uDFFF\uFFFE\uFFFF]/u.test(text)) throw unusable('its values must be characters of XML', text)
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}
