{{/* Flags of podid from a map; what is empty is left to the program's default. */}}
{{- define "podid.flags" -}}
{{- range $name, $value := . }}
{{- if kindIs "float64" $value }}
- {{ printf "--%s=%d" $name (int64 $value) | quote }}
{{- else if not (has (toString $value) (list "" "<nil>")) }}
- {{ printf "--%s=%v" $name $value | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What a container needs to trust further certificate authorities. */}}
{{- define "podid.ca.env" -}}
{{- if .Values.caBundle.configMap }}
- name: NODE_EXTRA_CA_CERTS
  value: /etc/podid/ca/{{ .Values.caBundle.key }}
{{- end }}
{{- end -}}

{{- define "podid.ca.mount" -}}
{{- if .Values.caBundle.configMap }}
- name: ca
  mountPath: /etc/podid/ca
  readOnly: true
{{- end }}
{{- end -}}

{{- define "podid.ca.volume" -}}
{{- if .Values.caBundle.configMap }}
- name: ca
  configMap:
    name: {{ .Values.caBundle.configMap }}
{{- end }}
{{- end -}}

{{/* Pod fields that depend on values of the component alone; empty ones are left out. */}}
{{- define "podid.placement" -}}
{{- range $field := list "nodeSelector" "affinity" "tolerations" "topologySpreadConstraints" "hostAliases" }}
{{- with get $ $field }}
{{ $field }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* Not empty when the next agent of a node starts beside the one before. */}}
{{- define "podid.nmi.surges" -}}
{{- $surge := toString (dig "rollingUpdate" "maxSurge" "0" .Values.nmi.updateStrategy) -}}
{{- if not (has $surge (list "0" "0%" "<nil>")) -}}true{{- end -}}
{{- end -}}
