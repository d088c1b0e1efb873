{{/* What MIC may do, as controller and as the drain of an uninstall. */}}
{{- define "podid.mic.clusterRules" -}}
- apiGroups: [""]
  resources: [pods, nodes]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [events]
  # An Event that a run before wrote is counted on, not written again.
  verbs: [get, create, patch]
- apiGroups: [aadpodidentity.k8s.io]
  resources: [azureidentities, azureidentitybindings]
  verbs: [list, watch]
- apiGroups: [aadpodidentity.k8s.io]
  resources: [azureassignedidentities]
  verbs: [get, list, watch, create, patch, delete]
{{- if .Values.mic.startupTaint }}
- apiGroups: [""]
  resources: [nodes]
  verbs: [patch]
{{- end }}
{{- end -}}

{{/* Locks, by their name where the API can tell, and the records of what podid assigned. */}}
{{- define "podid.mic.lockRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "podid.lockName" . }}]
  verbs: [get, update]
# The lock of AAD Pod Identity, so that its MIC and podid never both act.
- apiGroups: [""]
  resources: [endpoints]
  verbs: [create]
- apiGroups: [""]
  resources: [endpoints]
  resourceNames: [{{ include "podid.lockName" . }}]
  verbs: [get, update]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, create, update, delete]
{{- end -}}
