{{/* The node agent: root, for the owner of the iptables lock, and no capability but those that write rules. */}}
{{- define "podid.nmi.podSecurity" -}}
runAsNonRoot: false
runAsUser: 0
runAsGroup: 0
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "podid.nmi.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
  add: [NET_ADMIN{{ if .Values.nmi.legacyIptables }}, NET_RAW{{ end }}]
{{- end -}}

{{/* MIC: the restricted Pod Security profile, but for the file of the host, which belongs to root. */}}
{{- define "podid.mic.podSecurity" -}}
{{- if include "podid.mic.hostFiles" . -}}
runAsNonRoot: false
runAsUser: 0
runAsGroup: 0
seccompProfile:
  type: RuntimeDefault
{{- else -}}
{{ include "podid.restricted.pod" . }}
{{- end -}}
{{- end -}}

{{/* Not empty when MIC reads a file of the host. */}}
{{- define "podid.mic.hostFiles" -}}
{{- if or (include "podid.true" .Values.mic.customCloud.enabled) (not (or .Values.adminsecret .Values.mic.cloudConfigSecret.name)) -}}true{{- end -}}
{{- end -}}

{{/* The Key Vault provider: root, for the driver's folder and NMI's socket on the node, and nothing more. */}}
{{- define "podid.keyvault.podSecurity" -}}
runAsNonRoot: false
runAsUser: 0
runAsGroup: 0
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* The restricted Pod Security profile. */}}
{{- define "podid.restricted.pod" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "podid.restricted.container" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
