import { type Command, InvalidArgumentError } from 'commander'
import { wholeNumber } from './jobs-options.ts'
import { portNumber } from './option-values.ts'
import type { Run } from './output.ts'
import {
  installCommand,
  type KubernetesArguments,
  kubernetesCommand,
  removeCommand,
  type ServiceArguments,
  serviceStatusCommand,
  type SystemdArguments,
  systemdCommand,
  type WindowsArguments,
  windowsCommand,
} from './service.ts'

/** Adds `tomte service` and the commands below it. */
export function addService(command: Command, run: Run): void {
  const service = command
    .command('service')
    .description('the daemon as a service of this machine or of a cluster')
    .exitOverride()
  asSystemd(service.command('systemd').description('print a systemd unit')).action(
    (options: SystemdArguments) => run((output) => systemdCommand(options, output)),
  )
  asSystemd(service.command('install').description('write that unit and start it')).action(
    (options: SystemdArguments) => run((output) => installCommand(options, output)),
  )
  named(service.command('remove').description('stop the service and remove its unit')).action(
    (options: ServiceArguments) => run((output) => removeCommand(options, output)),
  )
  named(service.command('status').description('what systemd says of the service')).action(
    (options: ServiceArguments) => run((output) => serviceStatusCommand(options, output)),
  )
  described(service.command('windows').description('print a definition for WinSW and its commands'))
    .option('--data <folder>', 'where state is kept')
    .action((options: WindowsArguments) => run((output) => windowsCommand(options, output)))
  described(service.command('kubernetes').description('print manifests as kubectl apply -f takes them'))
    .requiredOption('--image <reference>', 'the image, with the daemon in /app')
    .requiredOption('--client-id <id>', 'the application whose federated credential trusts the cluster')
    .requiredOption('--tenant-id <id>', 'its tenant')
    .option('--namespace <name>', 'where in the cluster', 'default')
    .option('--port <number>', 'for health and metrics', portNumber, 8481)
    .option('--replicas <number>', 'how many pods; more than one need --secret', wholeNumber, 1)
    .option('--secret <name>', 'a Secret with TOMTE_DATABASE_URL and other variables')
    .option('--cron-job <job=schedule>', 'let the schedule of the cluster run a job', pairs, {})
    .option('--time-limit <seconds>', 'for a run of those', wholeNumber, 86_400)
    .action((options: KubernetesArguments) => run((output) => kubernetesCommand(options, output)))
}

const named = (command: Command) =>
  command
    .option('--name <name>', 'of the service', 'tomte-daemon')
    .option('--json', 'one JSON document on standard output')
    .exitOverride()

const described = (command: Command) =>
  named(command)
    .option('--description <text>', 'one line for people', 'A daemon of tomte')
    .option('--config <file>', 'the daemon', 'tomte.config.ts')
    .option('--grace <seconds>', 'how long runs may take to stop', wholeNumber, 30)
    .option('--environment <name=value>', 'a setting, no secret; may be given several times', pairs, {})

const asSystemd = (command: Command) =>
  described(command)
    .option('--user <name>', 'an account of the machine; without one systemd makes one')
    .option(
      '--credential <name=file>',
      'a file that systemd hands over; may be given several times',
      pairs,
      {},
    )

function pairs(text: string, known: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('name=value is needed')
  return { ...known, [text.slice(0, at)]: text.slice(at + 1) }
}
