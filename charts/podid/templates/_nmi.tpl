{{/* The values of nmi with an affinity: an agent tolerates every taint, and would wait on a virtual node for ever. */}}
{{- define "podid.nmi.values" -}}
{{- $default := include "podid.nmi.realNodes" . | fromYaml -}}
{{- merge (dict "affinity" (.Values.nmi.affinity | default $default)) .Values.nmi | toYaml -}}
{{- end -}}

{{- define "podid.nmi.realNodes" -}}
nodeAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    nodeSelectorTerms:
      - matchExpressions:
          - key: type
            operator: NotIn
            values: [virtual-kubelet]
{{- end -}}

{{/*
Files of the host: the lock of the iptables rules, what tells whether the node uses kubenet, and the folder of the
socket for the Key Vault provider.
*/}}
{{- define "podid.nmi.mounts" -}}
{{- if .Values.nmi.legacyIptables }}
- name: xtables-lock
  mountPath: /run/xtables.lock
{{- end }}
{{- if not (include "podid.true" .Values.nmi.allowNetworkPluginKubenet) }}
- name: kubelet-config
  mountPath: {{ .Values.nmi.kubeletConfig }}
  readOnly: true
{{- end }}
{{- if .Values.keyvaultProvider.enabled }}
- name: host-door
  mountPath: {{ include "podid.hostDoor.folder" . }}
{{- end }}
{{- include "podid.ca.mount" . }}
{{- end -}}

{{- define "podid.nmi.volumes" -}}
{{- if .Values.nmi.legacyIptables }}
- name: xtables-lock
  hostPath:
    path: /run/xtables.lock
    type: FileOrCreate
{{- end }}
{{- if not (include "podid.true" .Values.nmi.allowNetworkPluginKubenet) }}
- name: kubelet-config
  hostPath:
    path: {{ .Values.nmi.kubeletConfig }}
    type: File
{{- end }}
{{- if .Values.keyvaultProvider.enabled }}
{{ include "podid.hostDoor.volume" . }}
{{- end }}
{{- include "podid.ca.volume" . }}
{{- end -}}
