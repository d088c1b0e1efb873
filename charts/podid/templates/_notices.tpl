{{/* What the values say that has no effect any more, or another one; a YAML list. */}}
{{- define "podid.notices" -}}
{{- $notices := list -}}
{{- if eq (base (trimSuffix "/" .Values.image.repository)) "aad-pod-identity" -}}
{{- $notices = append $notices (printf "image.repository %s holds the images of AAD Pod Identity; the image is %s. Set image.repository to where podid's image is." .Values.image.repository (include "podid.image" (dict "root" . "component" .Values.nmi))) -}}
{{- end -}}
{{- range $component := list "mic" "nmi" -}}
{{- $values := get $.Values $component -}}
{{- if eq (include "podid.oldTag" $values.tag) "true" -}}
{{- $notices = append $notices (printf "%s.tag %v is a release of AAD Pod Identity; podid %s is used." $component $values.tag $.Chart.AppVersion) -}}
{{- end -}}
{{- if has $values.image (list "mic" "nmi") -}}
{{- $notices = append $notices (printf "%s.image: one image, podid, has both components." $component) -}}
{{- end -}}
{{- end -}}
{{- if include "podid.true" .Values.rbac.pspEnabled -}}
{{- $notices = append $notices "rbac.pspEnabled has no effect: Kubernetes has no PodSecurityPolicy any more." -}}
{{- end -}}
{{- if has (toString .Values.nmi.enableScaleFeatures) (list "true" "false") -}}
{{- $notices = append $notices "nmi.enableScaleFeatures has no effect: what it switched is always on." -}}
{{- end -}}
{{- if hasKey .Values "installCRDs" -}}
{{- $notices = append $notices "installCRDs has no effect: see crds.upgrade." -}}
{{- end -}}
{{- if not .Values.rbac.enabled -}}
{{- if .Values.crds.upgrade -}}
{{- $notices = append $notices "rbac.enabled is false: no hook brings the custom resource definitions up to date; `podid crds` or kubectl does." -}}
{{- end -}}
{{- if .Values.uninstall.removeRules -}}
{{- $notices = append $notices "rbac.enabled is false: after an uninstall the iptables rules stay on the nodes; `podid nmi --cleanup` removes them." -}}
{{- end -}}
{{- end -}}
{{- if and .Values.rbac.enabled (not .Values.rbac.allowAccessToSecrets) -}}
{{- $notices = append $notices "rbac.allowAccessToSecrets is false: identities of type 1 and 2 get no tokens." -}}
{{- end -}}
{{- if include "podid.mic.hostFiles" . | and (eq .Values.operationMode "standard") -}}
{{- $notices = append $notices (printf "MIC runs as root to read %s of the node; with adminsecret or mic.cloudConfigSecret it needs neither." (ternary .Values.mic.customCloud.configPath .Values.mic.cloudConfig (eq (include "podid.true" .Values.mic.customCloud.enabled) "true"))) -}}
{{- end -}}
{{- $notices | toYaml -}}
{{- end -}}
