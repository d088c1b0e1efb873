{{/* Files of the host: the lock of the iptables rules, and what tells whether the node uses kubenet. */}}
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
{{- include "podid.ca.volume" . }}
{{- end -}}
