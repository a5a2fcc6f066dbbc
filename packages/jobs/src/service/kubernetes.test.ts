import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { CronJob } from 'kubernetes-models/batch/v1/CronJob'
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap'
import { PersistentVolumeClaim } from 'kubernetes-models/v1/PersistentVolumeClaim'
import { ServiceAccount } from 'kubernetes-models/v1/ServiceAccount'
import { kubernetesManifests, type KubernetesService, type Manifest } from './kubernetes.ts'

const SERVICE: KubernetesService = {
  name: 'tomte-provision',
  description: 'Provisions the directory every night',
  command: ['/usr/local/bin/node', '/app/bin.js', 'run'],
  environment: { GRAPH_ENDPOINT: 'https://graph.contoso.example/v1.0' },
  graceSeconds: 30,
  image: 'images.contoso.example/provision:1',
  namespace: 'daemons',
  tenantId: 'contoso.example',
  clientId: '22222222-bbbb-4bbb-8bbb-000000000002',
  port: 8481,
}
const NIGHTLY = { job: 'provision', schedule: '0 2 * * *', timeLimitSeconds: 3600 }

const KINDS: Readonly<Record<string, new (data: never) => { validate(): void }>> = {
  ServiceAccount,
  ConfigMap,
  PersistentVolumeClaim,
  Deployment,
  CronJob,
}

/** Holds a manifest to the schema that Kubernetes publishes of its kind. */
function validate(manifest: Manifest): void {
  const Kind = KINDS[manifest.kind] ?? assert.fail(`no schema for ${manifest.kind}`)
  new Kind(manifest as never).validate()
}

interface Pod {
  readonly metadata: { readonly labels: object }
  readonly spec: {
    readonly terminationGracePeriodSeconds: number
    readonly securityContext: object
    readonly containers: readonly [Readonly<Record<string, unknown>>]
    readonly volumes: readonly object[]
  }
}

function podOf(manifest: Manifest | undefined): Pod {
  const { spec } = manifest as unknown as {
    spec: { template?: Pod; jobTemplate?: { spec: { template: Pod } } }
  }
  return spec.template ?? spec.jobTemplate?.spec.template ?? assert.fail('no pod')
}

describe('kubernetesManifests', () => {
  const variants: readonly (readonly [string, Partial<KubernetesService>, readonly string[]])[] = [
    ['one pod with a disk', {}, ['ServiceAccount', 'ConfigMap', 'PersistentVolumeClaim', 'Deployment']],
    ['a fleet', { replicas: 4, secret: 'provision' }, ['ServiceAccount', 'ConfigMap', 'Deployment']],
    [
      'jobs of the cluster',
      { cronJobs: [NIGHTLY], secret: 'x' },
      ['ServiceAccount', 'ConfigMap', 'PersistentVolumeClaim', 'CronJob'],
    ],
  ]
  for (const [what, changed, kinds] of variants) {
    it(`keeps the schemas of Kubernetes: ${what}`, () => {
      const { items } = kubernetesManifests({ ...SERVICE, ...changed })
      assert.deepEqual(
        items.map(({ kind }) => kind),
        kinds,
      )
      for (const item of items) validate(item)
    })

    it(`fits the restricted profile, and uses workload identity: ${what}`, () => {
      const { items } = kubernetesManifests({ ...SERVICE, ...changed })
      const { metadata, spec } = podOf(items.at(-1))
      assert.partialDeepStrictEqual(metadata.labels, { 'azure.workload.identity/use': 'true' })
      assert.partialDeepStrictEqual(spec.securityContext, {
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      })
      assert.partialDeepStrictEqual(spec.containers[0], {
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
      })
      assert.equal(spec.terminationGracePeriodSeconds, 45)
    })
  }

  it('would be told by the schema of a manifest that is wrong', () => {
    const [account] = kubernetesManifests(SERVICE).items
    assert.throws(() => validate({ ...account, metadata: { name: 5 } } as never), /metadata.*name/s)
  })

  it('asks for health at the port and by a name that the daemon answers to', () => {
    const [container] = podOf(kubernetesManifests(SERVICE).items.at(-1)).spec.containers
    assert.deepEqual(container['args'], [
      '/app/bin.js',
      'run',
      '--status-port',
      '8481',
      '--status-host',
      '0.0.0.0',
      '--expose-status',
    ])
    assert.partialDeepStrictEqual(container, {
      livenessProbe: {
        httpGet: { path: '/health/live', httpHeaders: [{ name: 'Host', value: 'localhost' }] },
      },
      readinessProbe: { httpGet: { path: '/health/ready' } },
    })
  })

  it('makes other pods when the settings change', () => {
    const hash = (environment: Record<string, string>) =>
      JSON.stringify(podOf(kubernetesManifests({ ...SERVICE, environment }).items.at(-1)).metadata)
    assert.notEqual(hash({ A: '1' }), hash({ A: '2' }))
    assert.equal(hash({ A: '1' }), hash({ A: '1' }))
  })

  const refused: readonly (readonly [string, Partial<KubernetesService>])[] = [
    ['several pods on one SQLite file', { replicas: 2 }],
    ['a namespace that is none', { namespace: 'A' }],
    ['a port of the system', { port: 80 }],
    ['a schedule of six fields', { cronJobs: [{ ...NIGHTLY, schedule: '0 0 2 * * *' }] }],
    ['two jobs of one name', { cronJobs: [NIGHTLY, { ...NIGHTLY, job: 'Provision' }] }],
    ['a name that is too long with its job', { cronJobs: [{ ...NIGHTLY, job: 'x'.repeat(40) }] }],
    ['a secret in clear', { environment: { TOMTE_DATABASE_URL: 'hush' } }],
  ]
  for (const [what, changed] of refused) {
    it(`refuses ${what}`, () => {
      assert.throws(() => kubernetesManifests({ ...SERVICE, ...changed }), {
        name: 'JobError',
        code: what.startsWith('a secret') ? 'service_secret_in_clear' : 'service_unusable',
      })
    })
  }
})
