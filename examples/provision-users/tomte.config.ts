import { graph } from '@tomte/client'
import { defineDaemon } from '@tomte/jobs'
import { provision } from './job/provision.ts'

export default defineDaemon({
  // Tenant, client and certificate are each installation's own: they come from the environment, which goes before this.
  identity: { authorityHost: 'AzurePublicCloud', timeoutMs: 30_000 },
  apis: {
    directory: (identity, environment) =>
      graph(identity, { baseUrl: environment['GRAPH_ENDPOINT'], permissions: ['User.ReadWrite.All'] }),
  },
  jobs: { provision },
})
