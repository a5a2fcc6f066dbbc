import { createHash } from 'node:crypto'
import { requireUsable, type ServiceDefinition, stopSeconds, unusable } from './definition.ts'

/** What a cluster is told of a daemon beyond the service itself. */
export interface KubernetesService extends Omit<ServiceDefinition, 'workingFolder'> {
  readonly image: string
  readonly namespace: string
  /** The client id of the application whose federated credential trusts this cluster (Microsoft Entra Workload ID). */
  readonly clientId: string
  readonly tenantId: string
  /** The port of health and metrics. */
  readonly port: number
  /** How many pods; more than one needs `secret` with `TOMTE_DATABASE_URL`, since SQLite is for one process. Default: 1. */
  readonly replicas?: number | undefined
  /** A Secret whose keys become variables, such as `TOMTE_DATABASE_URL` and `TOMTE_WEBHOOK_SECRET`. */
  readonly secret?: string | undefined
  /** How much disk the state of a single pod gets. Default: 1Gi. */
  readonly storage?: string | undefined
  /** Jobs that the cluster's own schedule runs, one pod for each firing, in place of a pod that waits. */
  readonly cronJobs?: readonly KubernetesCronJob[] | undefined
}

/** A job that a CronJob runs. */
export interface KubernetesCronJob {
  readonly job: string
  /** Five fields, as cron has them. */
  readonly schedule: string
  /** A name of the IANA time zone database. Default: Etc/UTC. */
  readonly timeZone?: string | undefined
  /** A run that takes longer is ended, in seconds. */
  readonly timeLimitSeconds: number
}

/** A manifest as `kubectl apply -f` takes it. */
export interface KubernetesList {
  readonly apiVersion: 'v1'
  readonly kind: 'List'
  readonly items: readonly Manifest[]
}

/** One object of a cluster. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string } & Readonly<Record<string, unknown>>
  readonly spec?: object
  readonly data?: Readonly<Record<string, string>>
  readonly automountServiceAccountToken?: boolean
}

const DATA_FOLDER = '/var/lib/tomte'
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
const MAX_REPLICAS = 1000

/**
 * The manifests of a daemon: ServiceAccount with workload identity, ConfigMap, disk for a single pod, and a Deployment, or
 * one CronJob for each job in its place. Pods fit the restricted profile of the pod security standards.
 *
 * @throws JobError `service_unusable` or `service_secret_in_clear`.
 * @example
 * ```ts
 * import { kubernetesManifests } from '@tomte/jobs/service'
 * const list = kubernetesManifests({
 *   name: 'tomte-provision',
 *   description: 'Provisions the directory every night',
 *   command: ['/usr/local/bin/node', '/app/node_modules/tomte/dist/bin.js', 'run'],
 *   environment: {},
 *   graceSeconds: 30,
 *   image: 'images.contoso.example/provision:1',
 *   namespace: 'daemons',
 *   tenantId: 'contoso.example',
 *   clientId: '22222222-bbbb-4bbb-8bbb-000000000002',
 *   port: 8481,
 * })
 * console.log(JSON.stringify(list))
 * ```
 */
export function kubernetesManifests(service: KubernetesService): KubernetesList {
  requireFit(service)
  const { cronJobs = [] } = service
  const items = [
    serviceAccount(service),
    configMap(service),
    ...(keepsState(service) ? [volumeClaim(service)] : []),
    ...(cronJobs.length === 0
      ? [deployment(service)]
      : cronJobs.map((cronJob) => cronJobManifest(service, cronJob))),
  ]
  return { apiVersion: 'v1', kind: 'List', items }
}

/** Runs are in the database of a fleet; a single pod, and a job of the cluster, keep theirs on a disk. */
const keepsState = ({ secret, cronJobs = [] }: KubernetesService) =>
  secret === undefined || cronJobs.length > 0

function requireFit(service: KubernetesService): void {
  const { namespace, image, replicas = 1, secret, port, cronJobs = [], clientId, tenantId } = service
  const [entry, ...args] = service.command
  // The image finds its program by name.
  const command: ServiceDefinition['command'] = [entry.includes('/') ? entry : `/${entry}`, ...args]
  requireUsable({ ...service, command, workingFolder: '/' })
  const names = [namespace, ...(secret === undefined ? [] : [secret])]
  for (const name of names) if (!LABEL.test(name)) throw unusable('names must be DNS labels', name)
  if (!/^[^\s\p{Cc}]{1,500}$/u.test(image)) throw unusable('its image must be a reference', image)
  for (const id of [clientId, tenantId])
    if (!/^[\w.-]{1,253}$/.test(id)) throw unusable('its client and tenant must be ids or names', id)
  if (!(Number.isInteger(port) && port >= 1024 && port <= 65_535))
    throw unusable('its port must be one from 1024 to 65535', String(port))
  if (!(Number.isInteger(replicas) && replicas >= 1 && replicas <= MAX_REPLICAS))
    throw unusable('its pods must be 1 to 1,000', String(replicas))
  if (replicas > 1 && secret === undefined)
    throw unusable('several pods need a PostgreSQL, whose address is in a secret', `${replicas} pods`)
  const taken = new Set<string>()
  for (const { job, schedule, timeLimitSeconds } of cronJobs) {
    const name = cronJobName(service.name, job)
    if (taken.has(name)) throw unusable('each CronJob must have a name of its own', name)
    taken.add(name)
    if (schedule.trim().split(/\s+/).length !== 5)
      throw unusable('a schedule must have five fields', schedule)
    if (!(Number.isInteger(timeLimitSeconds) && timeLimitSeconds > 0))
      throw unusable('a time limit must be whole seconds', String(timeLimitSeconds))
  }
}

const labels = ({ name }: KubernetesService) => ({
  'app.kubernetes.io/name': name,
  'app.kubernetes.io/managed-by': 'tomte',
})

const metadata = (service: KubernetesService, name = service.name) => ({
  name,
  namespace: service.namespace,
  labels: labels(service),
})

function serviceAccount(service: KubernetesService): Manifest {
  const annotations = {
    'azure.workload.identity/client-id': service.clientId,
    'azure.workload.identity/tenant-id': service.tenantId,
  }
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { ...metadata(service), annotations },
    automountServiceAccountToken: false,
  }
}

function configMap(service: KubernetesService): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadata(service),
    data: service.environment,
  }
}

function volumeClaim(service: KubernetesService): Manifest {
  const { storage = '1Gi' } = service
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: metadata(service),
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
  }
}

function deployment(service: KubernetesService): Manifest {
  const { name, replicas = 1, secret, port, command } = service
  const health = ['--status-port', String(port), '--status-host', '0.0.0.0', '--expose-status']
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadata(service),
    spec: {
      replicas,
      // Two pods must not want one disk, nor one SQLite file.
      strategy: secret === undefined ? { type: 'Recreate' } : { type: 'RollingUpdate' },
      selector: { matchLabels: { 'app.kubernetes.io/name': name } },
      template: podTemplate(service, {
        args: [...command.slice(1), ...health],
        ports: [{ name: 'status', containerPort: port }],
        startupProbe: { ...probe('/health/live'), periodSeconds: 2, failureThreshold: 60 },
        livenessProbe: {
          ...probe('/health/live'),
          periodSeconds: 20,
          timeoutSeconds: 5,
          failureThreshold: 3,
        },
        readinessProbe: { ...probe('/health/ready'), periodSeconds: 10, timeoutSeconds: 5 },
      }),
    },
  }
}

const probe = (path: string) => ({
  httpGet: { path, port: 'status', httpHeaders: [{ name: 'Host', value: 'localhost' }] },
})

function cronJobManifest(service: KubernetesService, cronJob: KubernetesCronJob): Manifest {
  const { job, schedule, timeZone = 'Etc/UTC', timeLimitSeconds } = cronJob
  const { command, name } = service
  // Each job has a file of its own, since one process at a time may have it.
  const volumeMounts = mounts(cronJobName(name, job))
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: metadata(service, cronJobName(name, job)),
    spec: {
      schedule,
      timeZone,
      // A run that is not over is gone on with by the next pod: a second one beside it would find the work taken.
      concurrencyPolicy: 'Forbid',
      startingDeadlineSeconds: 3600,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 3,
      jobTemplate: {
        spec: {
          backoffLimit: 3,
          activeDeadlineSeconds: timeLimitSeconds,
          template: podTemplate(
            service,
            { args: [...command.slice(1), job, '--json'], volumeMounts },
            'OnFailure',
          ),
        },
      },
    },
  }
}

/** @throws JobError if no name of 52 small letters, digits and hyphens comes out. */
function cronJobName(name: string, job: string): string {
  const made = `${name}-${job.replaceAll(/[^A-Za-z0-9]+/g, '-').toLowerCase()}`.replace(/-+$/, '')
  if (made.length > 52) throw unusable('a CronJob and its job may have 52 characters together', made)
  return made
}

function podTemplate(service: KubernetesService, container: object, restartPolicy?: 'OnFailure'): object {
  const { name, command, environment } = service
  const config = createHash('sha256').update(JSON.stringify(environment)).digest('hex')
  const volumes = [
    { name: 'temporary', emptyDir: { sizeLimit: '256Mi' } },
    keepsState(service)
      ? { name: 'state', persistentVolumeClaim: { claimName: name } }
      : { name: 'state', emptyDir: { sizeLimit: '256Mi' } },
  ]
  return {
    metadata: {
      // The label makes the cluster put the token and its variables into the pod.
      labels: { ...labels(service), 'azure.workload.identity/use': 'true' },
      // Other settings make other pods.
      annotations: { 'tomte/settings': config.slice(0, 16) },
    },
    spec: {
      serviceAccountName: name,
      automountServiceAccountToken: false,
      ...(restartPolicy === undefined ? {} : { restartPolicy }),
      terminationGracePeriodSeconds: stopSeconds(service),
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65_532,
        runAsGroup: 65_532,
        fsGroup: 65_532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [{ ...containerOf(service, command), ...container }],
      volumes,
    },
  }
}

function containerOf({ name, image, secret }: KubernetesService, [program]: readonly string[]): object {
  return {
    name,
    image,
    command: [program],
    envFrom: [{ configMapRef: { name } }, ...(secret === undefined ? [] : [{ secretRef: { name: secret } }])],
    env: [{ name: 'TOMTE_DATA_FOLDER', value: DATA_FOLDER }],
    resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: mounts(),
  }
}

const mounts = (subPath?: string) => [
  { name: 'temporary', mountPath: '/tmp' },
  { name: 'state', mountPath: DATA_FOLDER, ...(subPath === undefined ? {} : { subPath }) },
]
